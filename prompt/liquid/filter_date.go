package liquid

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	standard "github.com/osteele/liquid/filters"
)

// dateLayouts are the texts that are dates. Without a zone they are UTC.
var dateLayouts = []string{
	"2006-01-02",
	"2006-01-02 15:04",
	"2006-01-02 15:04:05",
	"2006-01-02 15:04:05 -0700",
	"2006-01-02 15:04:05 -07:00",
	"2006-01-02 15:04:05 UTC",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02T15:04",
	"2006-01-02T15:04:05",
	"2006-01-02T15:04:05Z07:00",
	"2006-01-02T15:04:05-0700",
	"2006/01/02",
	"2006/01/02 15:04:05",
	"2006-01-02 3:04 PM",
	"2006-01-02 3:04PM",
	"2006-01-02 3:04:05 PM",
	"January 2, 2006",
	"January 2 2006",
	"2 January 2006",
	"Jan 2, 2006",
	"Jan 2 2006",
	"2 Jan 2006",
	"January 2, 2006 15:04",
	"January 2, 2006 15:04:05",
	"January 2, 2006 3:04 PM",
	"Jan 2, 2006 3:04 PM",
	"2 January 2006 15:04",
	"2 January 2006 15:04:05",
	"2 Jan 2006 15:04",
	"2 Jan 2006 15:04:05",
	"Monday, January 2, 2006",
	"Monday, 2 January 2006",
	"Mon, 2 Jan 2006",
	"Mon, 2 Jan 2006 15:04:05 -0700",
	"Mon, 2 Jan 2006 15:04:05 GMT",
	"Mon Jan _2 15:04:05 2006",
	"Mon Jan _2 15:04:05 -0700 2006",
}

var (
	wide    = regexp.MustCompile(`%[-_^#0]*\d{4}`)
	foreign = regexp.MustCompile(`%[-_^#0]*\d*[EO]?:*[EJKOQfioq+]`) // what Ruby prints as it stands
	seconds = regexp.MustCompile(`^\d+$`)
)

// strftime is the engine's date filter, which formats as Ruby does.
var strftime = engineFilter("date").(func(time.Time, func(string) string) (string, error))

// engineFilter is a filter as the engine defines it.
func engineFilter(name string) any {
	found := collector{}
	standard.AddStandardFilters(found)
	return found[name]
}

type collector map[string]any

func (c collector) AddFilter(name string, fn any) { c[name] = fn }

// formatDate formats a time: a text in one of the layouts above, or seconds since 1970. It reads no clock.
func formatDate(v any, a arguments) (any, error) {
	format, err := a.text(0)
	if err != nil || format == "" {
		return v, err
	}
	if v == nil || v == "" {
		return v, nil
	}
	t, err := toTime(v)
	if err != nil {
		return nil, err
	}
	if wide.MatchString(format) || len(format) > 4096 {
		return nil, errors.New("this format is too wide")
	}
	if m := foreign.FindString(strings.ReplaceAll(format, "%%", "")); m != "" {
		return nil, errors.New("this format has the unknown " + m)
	}
	return strftime(t, func(string) string { return format })
}

func toTime(v any) (time.Time, error) {
	switch v := v.(type) {
	case time.Time:
		return v, nil
	case int64:
		return unix(v)
	case string:
		s := strings.ToLower(v)
		if s == "now" || s == "today" {
			return time.Time{}, errors.New("a template reads no clock; give it the time as a parameter")
		}
		if seconds.MatchString(s) {
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				return time.Time{}, errTooLarge
			}
			if len(s) != 8 { // else it may be meant as 20060102
				return unix(n)
			}
			return time.Time{}, errors.New("eight digits may be a day or seconds; write the day as 2006-01-02")
		}
		for _, layout := range dateLayouts {
			if t, err := time.Parse(layout, v); err == nil {
				return t, nil
			}
		}
		return time.Time{}, errors.New("cannot read " + strconv.Quote(shorten(v)) + " as a date; write it as 2006-01-02 or 2006-01-02T15:04:05Z")
	}
	return time.Time{}, errors.New(kindOf(v) + " is no date")
}

func unix(n int64) (time.Time, error) {
	if n > 253402300799 || n < -62135596800 { // the years 1 to 9999
		return time.Time{}, errTooLarge
	}
	return time.Unix(n, 0).UTC(), nil
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
