package sky

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"strings"

	"codeberg.org/astrogo/fitsio"

	"github.com/astronnx/astronnx/internal/errs"
)

const (
	blockSize = 2880 // of a FITS file
	cardSize  = 80
	maxHeader = 4 << 20 // bytes; 52,000 cards are no header of a map
)

// header is the decoded header of one HDU.
type header struct {
	cards []Card
	first map[string]int // position of the first card of a name
}

// parseHeader decodes the 80-byte cards before END. Cards that are no legal FITS are left out, so that a stray one does not
// make a map unreadable.
//
// fitsio decodes a header only together with its data, for which it believes the header's sizes. So it gets the cards as those
// of a primary HDU without data: of SIMPLE and XTENSION it takes the first, of BITPIX and NAXIS the last.
func parseHeader(lines []byte) header {
	var groups [][]byte // a card with its CONTINUE lines
	for ; len(lines) >= cardSize; lines = lines[cardSize:] {
		line := lines[:cardSize]
		switch {
		case bytes.HasPrefix(line, []byte("CONTINUE")):
			if n := len(groups); n > 0 && stringCard(groups[n-1]) && startsString(line[8:]) {
				groups[n-1] = append(groups[n-1], line...)
			}
		case !bytes.HasPrefix(line, []byte("HIERARCH")) && cardName(line) != "END":
			groups = append(groups, bytes.Clone(line))
		}
	}
	h := header{cards: decodeCards(groups), first: map[string]int{}}
	for i, c := range h.cards {
		if _, ok := h.first[c.Name]; !ok {
			h.first[c.Name] = i
		}
	}
	return h
}

func cardName(line []byte) string { return strings.TrimSpace(string(line[:8])) }

// stringCard reports whether fitsio takes a line for a card with a string value, the only kind it can continue.
func stringCard(line []byte) bool {
	switch cardName(line) {
	case "", "COMMENT", "HISTORY":
		return false
	}
	return string(line[8:10]) == "= " && startsString(line[10:])
}

func startsString(value []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(value, " "), []byte("'"))
}

// decodeCards halves a list that fitsio refuses until the culprits stand alone.
func decodeCards(groups [][]byte) []Card {
	var b bytes.Buffer
	line := func(s string) { fmt.Fprintf(&b, "%-*s", cardSize, s) }
	line("SIMPLE  =                    T")
	for _, g := range groups {
		b.Write(g)
	}
	line("BITPIX  =                    8")
	line("NAXIS   =                    0")
	line("END")
	b.Write(bytes.Repeat([]byte(" "), pad(b.Len())))
	hdu, err := fitsio.NewDecoder(&b).DecodeHDU()
	if err == nil {
		h := hdu.Header()
		cards := make([]Card, 0, len(groups))
		for i := 1; h.Card(i).Name != "END"; i++ {
			cards = append(cards, *h.Card(i))
		}
		return cards[:len(cards)-2]
	}
	if len(groups) <= 1 {
		return nil
	}
	mid := len(groups) / 2
	return append(decodeCards(groups[:mid]), decodeCards(groups[mid:])...)
}

// pad returns the bytes that are missing after n to a whole block.
func pad[T int | int64](n T) T { return (blockSize - n%blockSize) % blockSize }

func (h header) get(name string) (any, bool) {
	i, ok := h.first[name]
	if !ok || h.cards[i].Value == nil {
		return nil, false
	}
	return h.cards[i].Value, true
}

// str returns the text of a card, trimmed; empty if there is none or it is no string.
func (h header) str(name string) string {
	v, _ := h.get(name)
	s, _ := v.(string)
	return strings.TrimSpace(s)
}

// float returns the number of a card; false if there is none.
func (h header) float(name string) (float64, bool, error) {
	v, ok := h.get(name)
	if !ok {
		return 0, false, nil
	}
	switch v := v.(type) {
	case int:
		return float64(v), true, nil
	case float64:
		return v, true, nil
	case big.Int:
		x, _ := new(big.Float).SetInt(&v).Float64()
		return x, true, nil
	}
	return 0, false, errs.New(errs.Invalid, "header card %s = %v: want a number", name, v)
}

// int returns the whole number of a card; false if there is none.
func (h header) int(name string) (int64, bool, error) {
	v, ok := h.get(name)
	if !ok {
		return 0, false, nil
	}
	switch v := v.(type) {
	case int:
		return int64(v), true, nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), true, nil
		}
	}
	return 0, false, errs.New(errs.Invalid, "header card %s = %v: want an integer", name, v)
}

// need is int for a card that must be there and lie in [lo, hi].
func (h header) need(name string, lo, hi int64) (int64, error) {
	v, ok, err := h.int(name)
	if err == nil && (!ok || v < lo || v > hi) {
		got := "nothing"
		if ok {
			got = fmt.Sprint(v)
		}
		err = errs.New(errs.Invalid, "header card %s: want %d to %d, got %s", name, lo, hi, got)
	}
	return v, err
}

// encodeHeader returns the header's blocks. Cards must pass checkCard, and BITPIX and NAXIS must be among them.
func encodeHeader(cards []Card) []byte {
	escaped := make([]Card, len(cards))
	for i, c := range cards {
		if s, ok := c.Value.(string); ok {
			c.Value = strings.ReplaceAll(s, "'", "''")
		}
		escaped[i] = c
	}
	h := fitsio.NewHeader(escaped, fitsio.IMAGE_HDU, 8, nil)
	text := h.Text() + fmt.Sprintf("%-*s", cardSize, "END")
	return []byte(text + strings.Repeat(" ", pad(len(text))))
}

// checkCard reports why FITS has no room for a card.
func checkCard(c Card) error {
	bad := func(what string) error { return errs.New(errs.Input, "header card %q: %s", c.Name, what) }
	if len(c.Name) > 8 || strings.Trim(c.Name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return bad("want a name of up to eight of A-Z, 0-9, - and _")
	}
	if !printable(c.Comment) {
		return bad("want a comment of printable ASCII")
	}
	switch v := c.Value.(type) {
	case nil, bool, int, big.Int:
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return bad("want a finite number")
		}
	case complex128:
		return bad("complex values lose digits")
	case string:
		if !printable(v) || len(strings.ReplaceAll(v, "'", "''")) > 67 {
			return bad("want a string of up to 67 printable ASCII characters")
		}
	default:
		return bad(fmt.Sprintf("no FITS value of type %T", v))
	}
	return nil
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
