package listener

import (
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDeadline(t *testing.T) {
	const none = time.Duration(-1)
	type move struct{ after, to time.Duration }
	tests := map[string]struct {
		moves []move
		// passes is when reading fails, from the start.
		passes time.Duration
	}{
		"none":                           {[]move{{0, none}}, none},
		"one":                            {[]move{{0, 3 * time.Second}}, 3 * time.Second},
		"taken away":                     {[]move{{0, 3 * time.Second}, {time.Second, none}}, none},
		"further away":                   {[]move{{0, 3 * time.Second}, {time.Second, time.Minute}}, 61 * time.Second},
		"further away again and again":   {[]move{{0, 2 * time.Second}, {time.Second, 2 * time.Second}, {time.Second, 2 * time.Second}, {time.Second, 2 * time.Second}}, 5 * time.Second},
		"nearer":                         {[]move{{0, time.Hour}, {time.Second, time.Second}}, 2 * time.Second},
		"now":                            {[]move{{time.Second, 0}}, time.Second},
		"taken away after it has passed": {[]move{{0, time.Second}, {2 * time.Second, none}}, none},
		"later after it has passed":      {[]move{{0, time.Second}, {2 * time.Second, time.Second}}, 3 * time.Second},
		"taken away, and set after the alarm": {
			[]move{{0, time.Second}, {0, none}, {2 * time.Second, time.Second}}, 3 * time.Second,
		},
		"nearer than an alarm that is of no use": {
			[]move{{0, time.Minute}, {0, none}, {time.Second, time.Second}}, 2 * time.Second,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				passed := none
				d := &deadline{born: start, under: 1, set: func(at time.Time) error {
					passed = none
					if !at.IsZero() {
						require.False(t, at.After(time.Now()), "what is to come is the alarm's")
						passed = time.Since(start)
					}
					return nil
				}}
				for _, m := range tt.moves {
					time.Sleep(m.after)
					to := time.Time{}
					if m.to != none {
						to = time.Now().Add(m.to)
					}
					require.NoError(t, d.move(to))
				}
				time.Sleep(2 * time.Hour)
				synctest.Wait()
				assert.Equal(t, tt.passes, passed)
			})
		})
	}
}

// net/http ends a read of its own by a deadline of 1970, and goes on reading.
func TestDeadlineOfLongAgo(t *testing.T) {
	var set []time.Time
	d := &deadline{born: time.Now(), set: func(at time.Time) error {
		set = append(set, at)
		return nil
	}}
	longAgo := time.Unix(1, 0)
	require.NoError(t, d.move(longAgo))
	assert.ErrorIs(t, d.begin(), os.ErrDeadlineExceeded)
	require.NoError(t, d.move(time.Time{}))
	assert.Empty(t, set, "nothing was under way")

	require.NoError(t, d.begin())
	require.NoError(t, d.move(longAgo))
	assert.Equal(t, []time.Time{longAgo}, set, "what is under way ends")
	assert.ErrorIs(t, d.begin(), os.ErrDeadlineExceeded)
	d.end()
	require.NoError(t, d.move(time.Time{}))
	require.NoError(t, d.move(time.Time{}))
	assert.Equal(t, []time.Time{longAgo, {}}, set)
	assert.NoError(t, d.begin())
}

func TestDeadlineThatPassesUnusedHoldsForTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &deadline{born: time.Now(), set: func(time.Time) error {
			t.Error("set")
			return nil
		}}
		require.NoError(t, d.move(time.Now().Add(time.Second)))
		require.NoError(t, d.begin())
		d.end()
		time.Sleep(time.Second)
		synctest.Wait()
		assert.ErrorIs(t, d.begin(), os.ErrDeadlineExceeded)
	})
}

func TestDeadlineOfAClosedConnectionDoesNotRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &deadline{born: time.Now(), under: 1, set: func(time.Time) error {
			t.Error("set")
			return nil
		}}
		require.NoError(t, d.move(time.Now().Add(time.Second)))
		d.stop()
		time.Sleep(time.Minute)
		synctest.Wait()
	})
}

func TestDeadlinesOfAConnection(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := New(inner, 1)
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer peer.Close()
	c, err := l.Accept()
	require.NoError(t, err)
	defer c.Close()
	read := func() error {
		_, err := c.Read(make([]byte, 1))
		return err
	}
	write := func() (err error) {
		for err == nil {
			_, err = c.Write(make([]byte, 1<<20))
		}
		return err
	}
	soon := func() time.Time { return time.Now().Add(10 * time.Millisecond) }

	require.NoError(t, c.SetReadDeadline(soon()))
	assert.ErrorIs(t, read(), os.ErrDeadlineExceeded, "under way")
	assert.ErrorIs(t, read(), os.ErrDeadlineExceeded, "later")
	require.NoError(t, c.SetReadDeadline(time.Time{}))
	_, err = peer.Write([]byte("x"))
	require.NoError(t, err)
	assert.NoError(t, read(), "reads on")
	require.NoError(t, c.SetWriteDeadline(soon()))
	assert.ErrorIs(t, write(), os.ErrDeadlineExceeded)
	require.NoError(t, c.SetDeadline(soon()))
	assert.ErrorIs(t, read(), os.ErrDeadlineExceeded)
	assert.ErrorIs(t, write(), os.ErrDeadlineExceeded)
	require.NoError(t, c.Close())
	assert.ErrorIs(t, read(), net.ErrClosed)
}
