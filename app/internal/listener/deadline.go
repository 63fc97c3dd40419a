package listener

import (
	"os"
	"sync"
	"time"
)

// deadline is when reading or writing fails. net/http moves it several times a request,
// almost always further away. Each time that costs a connection of net a timer and
// three looks at the clock, together more than a short answer takes to make. Here the
// alarm stays when the deadline moves away, and looks where that is once it rings; and
// the connection itself hears only of a deadline that ends what is under way.
type deadline struct {
	// set sets the deadline of the connection itself, which is always past or none.
	set func(time.Time) error
	// born is when the connection was accepted: what is before that has passed.
	born time.Time

	mu sync.Mutex
	// at is the deadline, zero if there is none.
	at     time.Time
	passed bool
	// under is how much reading or writing is under way.
	under int
	// told is set while the deadline of the connection itself is past.
	told  bool
	alarm *time.Timer
	// ringsAt is zero while the alarm does not run.
	ringsAt time.Time
}

// begin fails if the deadline has passed. Else end has to be called.
func (d *deadline) begin() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.passed {
		return os.ErrDeadlineExceeded
	}
	d.under++
	return nil
}

func (d *deadline) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.under--
}

func (d *deadline) move(at time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = at
	if !at.IsZero() && at.Before(d.born) {
		return d.pass()
	}
	d.passed = false
	if !at.IsZero() && (d.ringsAt.IsZero() || at.Before(d.ringsAt)) {
		d.ringAt(at)
	}
	if d.told {
		d.told = false
		return d.set(time.Time{})
	}
	return nil
}

// pass is called with d.mu held.
func (d *deadline) pass() error {
	d.passed = true
	if d.under == 0 {
		return nil
	}
	d.told = true
	return d.set(d.at)
}

// ringAt is called with d.mu held.
func (d *deadline) ringAt(at time.Time) {
	d.ringsAt = at
	if d.alarm == nil {
		d.alarm = time.AfterFunc(time.Until(at), d.ring)
		return
	}
	d.alarm.Reset(time.Until(at))
}

func (d *deadline) ring() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ringsAt = time.Time{}
	switch {
	case d.at.IsZero() || d.passed:
	case time.Now().Before(d.at):
		d.ringAt(d.at)
	default:
		// It fails on a closed connection, on which reading and writing fail already.
		_ = d.pass()
	}
}

// stop is for a connection that is closed, which says so itself.
func (d *deadline) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at, d.passed = time.Time{}, false
	if d.alarm != nil {
		d.alarm.Stop()
	}
}
