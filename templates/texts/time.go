package texts

import (
	"strconv"
	"time"
)

// Moment writes a time for people, in UTC.
func (l *Language) Moment(at time.Time) string {
	at = at.UTC()
	return l.Say("time.moment", "day", l.Day(at), "clock", at.Format("15:04"))
}

// Day writes the date of a time, in UTC.
func (l *Language) Day(at time.Time) string {
	at = at.UTC()
	month := l.Say("time.month." + strconv.Itoa(int(at.Month())))
	return l.Say("time.day", "day", strconv.Itoa(at.Day()), "month", month, "year", strconv.Itoa(at.Year()))
}

// lengths are the units of Length, the longest first.
var lengths = []struct {
	key  string
	unit time.Duration
}{
	{"time.years", 365 * 24 * time.Hour}, {"time.days", 24 * time.Hour}, {"time.hours", time.Hour}, {"time.minutes", time.Minute}, {"time.seconds", time.Second},
}

// Length writes a length of time in the longest unit of which it is a whole number, as "30 days"; 0 is "0 seconds".
func (l *Language) Length(d time.Duration) string {
	for _, each := range lengths {
		if d >= each.unit && d%each.unit == 0 {
			return l.Say(each.key, "count", int(d/each.unit))
		}
	}
	return l.Say("time.seconds", "count", int(d/time.Second))
}
