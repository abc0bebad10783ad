package main

import (
	"io"
	"strings"
	"unicode/utf8"
)

// table is text in columns: a header, a rule, rows. A header that begins with ">" marks a column of numbers, set flush right.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// rule adds a rule between rows.
func (t *table) rule() { t.rows = append(t.rows, nil) }

func (t *table) write(w io.Writer) error {
	right := make([]bool, len(t.head))
	head := make([]string, len(t.head))
	width := make([]int, len(t.head))
	for i, h := range t.head {
		head[i], right[i] = strings.CutPrefix(h, ">")
		width[i] = utf8.RuneCountInString(head[i])
	}
	for _, r := range t.rows {
		for i, c := range r {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	line := func(cells []string) {
		var l strings.Builder
		for i, c := range cells {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			if right[i] {
				c = pad + c
			} else {
				c += pad
			}
			l.WriteString("  " + c)
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	rule := 0
	for _, n := range width {
		rule += n + 2
	}
	line(head)
	for _, r := range append([][]string{nil}, t.rows...) {
		if r == nil {
			b.WriteString("  " + strings.Repeat("─", rule-2) + "\n")
			continue
		}
		line(r)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
