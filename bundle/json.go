package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxInteger   = 1<<53 - 1 // what every JSON reader can hold exactly
	maxJSONDepth = 32
)

// parseJSON parses one JSON value as any reader in any language would: UTF-8
// without a byte order mark, no key twice, no number but integers up to 2^53-1,
// nothing after it. Numbers are json.Number. encoding/json alone would let the
// last of two keys win and take "VERSION" for "version".
func parseJSON(raw []byte) (any, error) {
	if bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")) {
		return nil, errors.New("it starts with a byte order mark")
	}
	if !utf8.Valid(raw) {
		return nil, errors.New("it is not UTF-8")
	}
	if !json.Valid(raw) {
		return nil, errors.New("it is not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	value, err := parseValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the value")
	}
	return value, nil
}

func parseValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxJSONDepth {
		return nil, fmt.Errorf("it is nested deeper than %d", maxJSONDepth)
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return parseObject(d, depth)
		}
		list := []any{}
		for d.More() {
			value, err := parseValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err := d.Token()
		return list, err
	case json.Number:
		n, err := strconv.ParseInt(token.String(), 10, 64)
		if err != nil || n > maxInteger || n < -maxInteger || token == "-0" {
			return nil, fmt.Errorf("%s is not an integer up to 2^53-1", token)
		}
	case string:
		return token, checkString(token)
	}
	return token, nil
}

func parseObject(d *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		key := token.(string) // json.Valid: nothing else can stand here
		if err := checkString(key); err != nil {
			return nil, err
		}
		if _, twice := object[key]; twice {
			return nil, fmt.Errorf("key %q stands there twice", key)
		}
		if object[key], err = parseValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return object, err
}

// checkString refuses what is left of an escaped half of a surrogate pair, which
// readers turn into different things.
func checkString(s string) error {
	if strings.ContainsRune(s, utf8.RuneError) {
		return fmt.Errorf("%q has a character that is no character", s)
	}
	return nil
}
