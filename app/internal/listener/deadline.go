package listener

import (
	"sync"
	"time"
)

// deadline is when reading or writing fails. net/http moves it several times a request,
// almost always further away. Each time that costs a connection of net a timer and
// three looks at the clock, together more than a short answer takes to make. Here the
// alarm stays when the deadline moves away, and looks where that is once it rings.
type deadline struct {
	// set sets the deadline of the connection itself, which is always past or none.
	set func(time.Time) error
	// born is when the connection was accepted: what is before that has passed.
	born time.Time

	mu sync.Mutex
	// at is the deadline, zero if there is none.
	at time.Time
	// passed is set while that of the connection itself is past.
	passed bool
	alarm  *time.Timer
	// ringsAt is zero while the alarm does not run.
	ringsAt time.Time
}

func (d *deadline) move(at time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = at
	if !at.IsZero() && at.Before(d.born) {
		d.passed = true
		return d.set(at)
	}
	if d.passed {
		d.passed = false
		if err := d.set(time.Time{}); err != nil {
			return err
		}
	}
	if !at.IsZero() && (d.ringsAt.IsZero() || at.Before(d.ringsAt)) {
		d.ringAt(at)
	}
	return nil
}

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
		d.passed = true
		// It fails on a closed connection, on which reading and writing fail already.
		_ = d.set(d.at)
	}
}

// stop is for a connection that is closed.
func (d *deadline) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = time.Time{}
	if d.alarm != nil {
		d.alarm.Stop()
	}
}
