package liquid

import (
	"cmp"
	"errors"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

var (
	errTooLarge   = errors.New("this number is too large")
	errZero       = errors.New("divided by 0")
	errNotInteger = errors.New("a whole number is needed")
	errNotFinite  = errors.New("the number is not finite")
)

var (
	decimalText = regexp.MustCompile(`^-?\d+\.\d+$`)
	integerText = regexp.MustCompile(`^[+-]?\d+(_\d+)*`)
)

const maxNumberText = 1024 // bytes of a text in which a number is looked for

func compareOrdered[T cmp.Ordered](a, b T) int { return cmp.Compare(a, b) }

// compareFloats compares exactly: a float64 cannot hold every int64.
func compareFloats(n int64, x float64) (int, bool, error) {
	switch {
	case math.IsNaN(x):
		return 0, false, nil
	case math.IsInf(x, 0) || math.Abs(float64(n)) < 1<<53:
		return compareOrdered(float64(n), x), true, nil
	}
	return new(big.Float).SetInt64(n).Cmp(big.NewFloat(x)), true, nil
}

// formatFloat writes the shortest decimal that is this number, always with a point or an exponent.
func formatFloat(x float64) string {
	switch {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 1):
		return "Infinity"
	case math.IsInf(x, -1):
		return "-Infinity"
	}
	if a := math.Abs(x); a != 0 && (a < 1e-4 || a >= 1e16) {
		s := strconv.FormatFloat(x, 'e', -1, 64)
		if mantissa, exponent, _ := strings.Cut(s, "e"); !strings.Contains(mantissa, ".") {
			s = mantissa + ".0e" + exponent
		}
		return s
	}
	s := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// number makes any value an int64 or a float64, as the filters that calculate do: what is no number is 0.
func number(v any) (any, error) {
	switch v := v.(type) {
	case int64:
		return v, nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, errNotFinite
		}
		return v, nil
	case string:
		if s := strings.Trim(v, space); decimalText.MatchString(s) {
			x, err := strconv.ParseFloat(s, 64)
			if err != nil {
				return nil, errTooLarge
			}
			return x, nil
		}
		return leadingInteger(v)
	}
	return int64(0), nil
}

// leadingInteger is the whole number that a text begins with, 0 when it begins with none.
func leadingInteger(s string) (int64, error) {
	s = integerText.FindString(strings.TrimLeft(s[:min(len(s), maxNumberText)], space))
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 10, 64)
	if err != nil {
		return 0, errTooLarge
	}
	return n, nil
}

// integer is a whole number that a filter or tag needs, as a number or as text.
func integer(v any) (int64, error) {
	switch v := v.(type) {
	case int64:
		return v, nil
	case string:
		s := strings.Trim(v[:min(len(v), maxNumberText)], space)
		if digits := strings.TrimLeft(s, "+-"); integerText.FindString(s) == s && s != "" && (digits == "0" || digits[0] != '0') {
			return leadingInteger(s)
		}
	}
	return 0, errNotInteger
}

// decimal is a number as an exact fraction: floats stand for the decimal they print as, so that 0.1 + 0.2 is 0.3.
func decimal(v any) *big.Rat {
	if n, ok := v.(int64); ok {
		return new(big.Rat).SetInt64(n)
	}
	r, _ := new(big.Rat).SetString(strconv.FormatFloat(v.(float64), 'g', -1, 64))
	return r
}

func fromDecimal(r *big.Rat) (any, error) {
	x, _ := r.Float64()
	if math.IsInf(x, 0) {
		return nil, errTooLarge
	}
	return x, nil
}

// calculate applies + - * / or %. Two whole numbers give a whole number, rounded down; else decimals are calculated.
func calculate(left any, operator byte, right any) (any, error) {
	a, err := number(left)
	if err != nil {
		return nil, err
	}
	b, err := number(right)
	if err != nil {
		return nil, err
	}
	x, whole := a.(int64)
	y, ok := b.(int64)
	if whole && ok {
		return calculateWhole(x, operator, y)
	}
	p, q, r := decimal(a), decimal(b), new(big.Rat)
	switch operator {
	case '+':
		r.Add(p, q)
	case '-':
		r.Sub(p, q)
	case '*':
		r.Mul(p, q)
	default:
		if q.Sign() == 0 {
			return nil, errZero
		}
		if r.Quo(p, q); operator == '%' {
			r.Sub(p, new(big.Rat).Mul(q, new(big.Rat).SetInt(floor(r))))
		}
	}
	if r.Sign() == 0 && (operator == '*' || operator == '/') && negative(a) != negative(b) {
		return math.Copysign(0, -1), nil
	}
	return fromDecimal(r)
}

func negative(v any) bool {
	if x, ok := v.(float64); ok {
		return math.Signbit(x)
	}
	return v.(int64) < 0
}

func calculateWhole(x int64, operator byte, y int64) (any, error) {
	const small = 1 << 31
	if -small < x && x < small && -small < y && y < small {
		switch operator {
		case '+':
			return x + y, nil
		case '-':
			return x - y, nil
		case '*':
			return x * y, nil
		}
	}
	a, b, r := big.NewInt(x), big.NewInt(y), new(big.Int)
	switch operator {
	case '+':
		r.Add(a, b)
	case '-':
		r.Sub(a, b)
	case '*':
		r.Mul(a, b)
	default:
		if y == 0 {
			return nil, errZero
		}
		quotient := floor(new(big.Rat).SetFrac(a, b))
		if operator == '/' {
			r = quotient
		} else {
			r.Sub(a, quotient.Mul(quotient, b))
		}
	}
	return fromInteger(r)
}

func fromInteger(n *big.Int) (any, error) {
	if !n.IsInt64() {
		return nil, errTooLarge
	}
	return n.Int64(), nil
}

// floor rounds down, also below zero.
func floor(r *big.Rat) *big.Int {
	return new(big.Int).Div(r.Num(), r.Denom()) // Euclid's division with a positive divisor rounds down
}

// round rounds half away from zero at a number of decimal places, which may be negative.
func round(v any, places int64) (any, error) {
	n, err := number(v)
	if err != nil {
		return nil, err
	}
	if _, whole := n.(int64); whole && places >= 0 {
		return n, nil
	}
	if places > 400 || places < -400 {
		return nil, errors.New("a number of places lies between -400 and 400")
	}
	shift := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(max(places, -places)), nil))
	if places < 0 {
		shift.Inv(shift)
	}
	r := new(big.Rat).Mul(decimal(n), shift)
	half := big.NewRat(1, 2)
	var whole *big.Int
	if r.Sign() >= 0 {
		whole = floor(r.Add(r, half))
	} else {
		whole = floor(r.Neg(r).Add(r, half))
		whole.Neg(whole)
	}
	r.SetInt(whole).Quo(r, shift)
	if _, isWhole := n.(int64); isWhole || places <= 0 {
		return fromInteger(floor(r))
	}
	if r.Sign() == 0 && negative(n) {
		return math.Copysign(0, -1), nil
	}
	return fromDecimal(r)
}
