package dialplan

import (
	"strconv"
	"strings"
	"time"
)

// readStrftime is STRFTIME([epoch][,[zone][,format]]).
func readStrftime(e *evaluator, dst []byte, args string) ([]byte, bool) {
	parts := append(SplitArgs(args, 3), "", "", "")[:3]
	at := e.env.Now()
	if parts[0] != "" {
		at = readEpoch(parts[0], at)
	}
	if parts[1] != "" {
		zone := e.env.Location(parts[1])
		if zone == nil {
			zone = time.UTC // as the C library
		}
		at = at.In(zone)
	}
	format := parts[2]
	if format == "" {
		format = "%c"
	}
	return appendStrftime(dst, format, at, 0), true
}

// readEpoch reads seconds, with a fraction maybe; what is no number is now.
func readEpoch(s string, now time.Time) time.Time {
	whole, fraction, _ := strings.Cut(strings.TrimSpace(s), ".")
	seconds, err := strconv.ParseInt(whole, 10, 48)
	if err != nil {
		if n, _, ok := leadingInt(s); ok {
			return time.Unix(int64(n), 0).In(now.Location())
		}
		return now
	}
	micros, _ := strconv.ParseInt((fraction + "000000")[:6], 10, 64)
	return time.Unix(seconds, micros*1000).In(now.Location())
}

// composites are conversions that stand for others, in the C locale.
var composites = map[byte]string{
	'c': "%a %b %e %H:%M:%S %Y", 'D': "%m/%d/%y", 'x': "%m/%d/%y", 'F': "%Y-%m-%d", 'R': "%H:%M", 'r': "%I:%M:%S %p", 'T': "%H:%M:%S",
	'X': "%H:%M:%S", 'v': "%e-%b-%Y", '+': "%a %b %e %H:%M:%S %Z %Y", 'h': "%b", 'n': "\n", 't': "\t", '%': "%%",
}

// layouts are conversions that Go's own layouts have.
var layouts = map[byte]string{
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'j': "002", 'm': "01", 'M': "04",
	'p': "PM", 'P': "pm", 'S': "05", 'Y': "2006", 'y': "06", 'Z': "MST", 'z': "-0700",
}

func appendStrftime(dst []byte, format string, at time.Time, depth int) []byte {
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			dst = append(dst, format[i])
			continue
		}
		i++
		digits := 3
		if '1' <= format[i] && format[i] <= '6' && i+1 < len(format) && format[i+1] == 'q' {
			digits = int(format[i] - '0')
			i++
		}
		c := format[i]
		switch {
		case c == '%':
			dst = append(dst, '%')
		case layouts[c] != "":
			dst = at.AppendFormat(dst, layouts[c])
		case composites[c] != "" && depth == 0:
			dst = appendStrftime(dst, composites[c], at, 1)
		default:
			dst = appendNumber(dst, c, digits, at)
		}
		if len(dst) > maxResult {
			return dst
		}
	}
	return dst
}

// appendNumber writes the conversions that are calculated; what is none is written as it is.
func appendNumber(dst []byte, c byte, digits int, at time.Time) []byte {
	padded := func(n, width int, pad byte) []byte {
		text := strconv.Itoa(n)
		for len(text) < width {
			dst, width = append(dst, pad), width-1
		}
		return append(dst, text...)
	}
	isoYear, isoWeek := at.ISOWeek()
	switch c {
	case 'C':
		return padded(at.Year()/100, 2, '0')
	case 'G':
		return strconv.AppendInt(dst, int64(isoYear), 10)
	case 'g':
		return padded(isoYear%100, 2, '0')
	case 'V':
		return padded(isoWeek, 2, '0')
	case 'k':
		return padded(at.Hour(), 2, ' ')
	case 'l':
		return padded((at.Hour()+11)%12+1, 2, ' ')
	case 'q':
		return append(dst, at.Format(".000000")[1:1+digits]...)
	case 's':
		return strconv.AppendInt(dst, at.Unix(), 10)
	case 'U':
		return padded((at.YearDay()+6-int(at.Weekday()))/7, 2, '0')
	case 'W':
		return padded((at.YearDay()+6-(int(at.Weekday())+6)%7)/7, 2, '0')
	case 'u':
		return strconv.AppendInt(dst, int64((at.Weekday()+6)%7+1), 10)
	case 'w':
		return strconv.AppendInt(dst, int64(at.Weekday()), 10)
	}
	return append(dst, '%', c)
}
