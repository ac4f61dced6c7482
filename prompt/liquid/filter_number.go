package liquid

import "math"

var numberFilters = []filter{
	{name: "plus", min: 1, max: 1, do: calculating('+')},
	{name: "minus", min: 1, max: 1, do: calculating('-')},
	{name: "times", min: 1, max: 1, do: calculating('*')},
	{name: "divided_by", min: 1, max: 1, do: calculating('/')},
	{name: "modulo", min: 1, max: 1, do: calculating('%')},
	{name: "at_least", min: 1, max: 1, do: choosing(func(n int) bool { return n < 0 })},
	{name: "at_most", min: 1, max: 1, do: choosing(func(n int) bool { return n > 0 })},
	{name: "abs", do: abs},
	{name: "ceil", do: ceil},
	{name: "floor", do: roundDown},
	{name: "round", max: 1, do: roundTo},
}

func calculating(operator byte) func(any, arguments) (any, error) {
	return func(v any, a arguments) (any, error) { return calculate(v, operator, a.get(0)) }
}

// choosing takes the argument when the value, compared with it, is on the wrong side.
func choosing(wrong func(int) bool) func(any, arguments) (any, error) {
	return func(v any, a arguments) (any, error) {
		n, err := number(v)
		if err != nil {
			return nil, err
		}
		bound, err := number(a.get(0))
		if err != nil {
			return nil, err
		}
		if c, _, _ := order(n, bound); wrong(c) {
			return bound, nil
		}
		return n, nil
	}
}

func abs(v any, _ arguments) (any, error) {
	n, err := number(v)
	switch x := n.(type) {
	case float64:
		return math.Abs(x), nil
	case int64:
		if x < 0 {
			return calculateWhole(0, '-', x)
		}
	}
	return n, err
}

func ceil(v any, _ arguments) (any, error) {
	n, err := number(v)
	if err != nil {
		return nil, err
	}
	r := decimal(n)
	up := floor(r.Neg(r))
	return fromInteger(up.Neg(up))
}

func roundDown(v any, _ arguments) (any, error) {
	n, err := number(v)
	if err != nil {
		return nil, err
	}
	return fromInteger(floor(decimal(n)))
}

func roundTo(v any, a arguments) (any, error) {
	places, err := number(a.get(0))
	if err != nil {
		return nil, err
	}
	n, ok := places.(int64)
	if !ok {
		return nil, errNotInteger
	}
	return round(v, n)
}
