package storage_test

import (
	"testing"
	"time"

	"gatehouse/storage"
)

func TestATimeKeepsMillisecondsInUTC(t *testing.T) {
	for _, moment := range []time.Time{
		abroad,
		time.Now(),
		time.Date(1969, time.December, 31, 23, 59, 59, 999_999_999, time.UTC),
		time.Date(9999, time.December, 31, 23, 59, 59, 999_999_999, time.UTC),
		{},
	} {
		value, err := storage.Time{Time: moment}.Value()
		must(t, err)
		var read storage.Time
		must(t, read.Scan(value))
		wantEqual(t, read, storage.At(moment))
		if read.Location() != time.UTC || moment.Sub(read.Time) >= time.Millisecond || read.After(moment) {
			t.Errorf("%v came back as %v", moment, read)
		}
	}
}

func TestAZeroTimeIsZeroInTheDatabaseAndNeverPasses(t *testing.T) {
	var never storage.Time
	if never.Millis() != 0 || !storage.At(time.Time{}).IsZero() || never.Passed(now) {
		t.Errorf("millis %d, at %v, passed %v", never.Millis(), storage.At(time.Time{}), never.Passed(now))
	}
	read := storage.At(now)
	must(t, read.Scan(int64(0)))
	if !read.IsZero() {
		t.Errorf("0 was read as %v", read)
	}
}

func TestATimePassesAtItsMillisecond(t *testing.T) {
	moment := storage.At(now)
	if moment.Passed(now.Add(-time.Nanosecond)) || !moment.Passed(now) || !moment.Passed(now.Add(time.Nanosecond)) {
		t.Errorf("%v passes before, at, after: %v %v %v", moment, moment.Passed(now.Add(-1)), moment.Passed(now), moment.Passed(now.Add(1)))
	}
}

func TestATimeIsReadFromIntegersOnly(t *testing.T) {
	for _, value := range []any{nil, "2031-03-30", now, 1.5} {
		var read storage.Time
		if read.Scan(value) == nil {
			t.Errorf("%T was read as %v", value, read)
		}
	}
}
