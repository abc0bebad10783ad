package sky

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/astronnx/astronnx/graph"
	"github.com/astronnx/astronnx/internal/errs"
)

// ReadTable reads a table of one row a record: a FITS table, the first of the file unless opt names an HDU, or text of columns
// separated by commas or blanks. The content decides, not the name. opt.Columns chooses columns, in that order; opt.Order does not
// matter.
//
// A column of numbers has Data of shape [rows], or [rows, repeat] in FITS; a column of text is a string tensor [rows]. Text begins
// with a row of names, which may be behind a #; other lines that begin with # are left out. A column of text is int64 if all its
// values are whole numbers, float64 if all are numbers, an empty one being NaN, and else strings.
func ReadTable(path string, opt ReadOptions) ([]Column, error) {
	src, closer, err := openSource(path, opt.Limit)
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	columns, err := readTable(src, opt)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return columns, nil
}

func readTable(src source, opt ReadOptions) ([]Column, error) {
	magic := make([]byte, min(src.size, 9))
	if err := src.readAt(magic, 0); err != nil {
		return nil, err
	}
	if string(magic) == "SIMPLE  =" {
		return readFITSTable(src, opt)
	}
	all, err := readText(io.NewSectionReader(src, 0, src.size))
	if err != nil {
		return nil, err
	}
	return named(all, opt.Columns)
}

// named returns the named columns, or all where no names are given.
func named(all []Column, names []string) ([]Column, error) {
	if len(names) == 0 {
		return all, nil
	}
	var chosen []Column
	for _, name := range names {
		c, err := (&Map{Columns: all}).Column(name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, *c)
	}
	return chosen, nil
}

func readFITSTable(src source, opt ReadOptions) ([]Column, error) {
	list, err := readHDUs(src)
	if err != nil {
		return nil, err
	}
	table := func(h *hdu) bool { return h.kind == "BINTABLE" || h.kind == "TABLE" }
	h, err := findHDU(list, opt.HDUName, opt.HDU, table)
	if err != nil {
		return nil, err
	}
	if h == nil || !table(h) {
		return nil, errs.New(errs.Input, "want a table; the file has none there")
	}
	if h.kind == "TABLE" {
		return readASCII(src, h, opt.Columns)
	}
	all, err := h.fields()
	if err != nil {
		return nil, err
	}
	if err := src.holds(h); err != nil {
		return nil, err
	}
	fields, err := h.readable(all, opt.Columns)
	if err != nil {
		return nil, err
	}
	rows := h.axes[1]
	data, err := readColumns(src, h, fields)
	if err != nil {
		return nil, err
	}
	var columns []Column
	for i, f := range fields {
		c := Column{Name: f.name, Unit: f.unit, Data: data[i]}
		switch {
		case f.code == 'A':
			c.Data = trimStrings(data[i].Raw, rows, f.repeat)
		case f.repeat != 1:
			c.Data.Shape = []int64{rows, f.repeat}
		}
		if !f.scaled {
			c.Null = f.null
		}
		columns = append(columns, c)
	}
	return columns, nil
}

// readable returns the named columns, or all of numbers or text.
func (h *hdu) readable(all []field, names []string) ([]field, error) {
	var chosen []field
	var have []string
	for i := range all {
		f := &all[i]
		have = append(have, f.name)
		if f.code == 'A' { // read as bytes
			f.dtype, f.width = graph.Uint8, 1
		}
		if len(names) == 0 && f.dtype != graph.Undefined {
			chosen = append(chosen, *f)
		}
	}
	for _, name := range names {
		i := slices.IndexFunc(have, func(s string) bool { return strings.EqualFold(s, name) })
		if i < 0 {
			return nil, noColumn(name, have)
		}
		if all[i].dtype == graph.Undefined {
			return nil, errs.New(errs.Input, "column %q has TFORM letter %c: want numbers or text (L B I J K E D A)", name, all[i].code)
		}
		chosen = append(chosen, all[i])
	}
	if len(chosen) == 0 {
		return nil, errs.New(errs.Input, "%s has no column of numbers or text", h.title())
	}
	return chosen, nil
}

// trimStrings cuts raw into texts of n bytes each, which end at a NUL and lose blanks behind.
func trimStrings(raw []byte, rows, n int64) *graph.Tensor {
	t := graph.NewTensor(graph.String, rows)
	for i := range t.Strings {
		s, _, _ := bytes.Cut(raw[int64(i)*n:int64(i+1)*n], []byte{0})
		t.Strings[i] = strings.TrimRight(string(s), " ")
	}
	return t
}

func readText(r io.Reader) ([]Column, error) {
	lines := bufio.NewReader(r)
	head, err := lines.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	head = strings.TrimPrefix(strings.TrimPrefix(head, "\ufeff"), "#")
	if strings.TrimSpace(head) == "" {
		return nil, errs.New(errs.Invalid, "an empty first line: want the columns' names")
	}
	if strings.ContainsFunc(head, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\r\n", r) }) {
		return nil, errs.New(errs.Invalid, "the file begins with %.20q: want a FITS table or text", head)
	}
	var next func() ([]string, error)
	if strings.Contains(head, ",") || len(strings.Fields(head)) == 1 {
		c := csv.NewReader(io.MultiReader(strings.NewReader(head), lines))
		c.Comment, c.TrimLeadingSpace = '#', true
		next = c.Read
	} else {
		next = blanks(bufio.NewScanner(io.MultiReader(strings.NewReader(head), lines)))
	}
	names, err := next()
	if err != nil {
		return nil, errs.New(errs.Invalid, "text: %w", err)
	}
	columns := make([]Column, len(names))
	texts := make([][]string, len(names))
	for i, name := range names {
		columns[i].Name = strings.TrimSpace(name)
		if _, err := strconv.ParseFloat(columns[i].Name, 64); err == nil {
			return nil, errs.New(errs.Input, "the first line has the number %s: want the columns' names", name)
		}
	}
	if err := nameColumns(columns); err != nil {
		return nil, err
	}
	for {
		row, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errs.New(errs.Invalid, "text: %w", err)
		}
		for i, s := range row {
			texts[i] = append(texts[i], strings.TrimSpace(s))
		}
	}
	for i := range columns {
		columns[i].Data = parseColumn(texts[i])
	}
	return columns, nil
}

// blanks returns the words of each line that is not empty or a comment; io.EOF after the last.
func blanks(s *bufio.Scanner) func() ([]string, error) {
	s.Buffer(nil, 1<<24)
	line, want := 0, 0
	return func() ([]string, error) {
		for s.Scan() {
			line++
			words := strings.Fields(s.Text())
			if len(words) == 0 || words[0][0] == '#' {
				continue
			}
			if want == 0 {
				want = len(words)
			}
			if len(words) != want {
				return nil, fmt.Errorf("line %d has %d values: want %d as in the first", line, len(words), want)
			}
			return words, nil
		}
		if err := s.Err(); err != nil {
			return nil, err
		}
		return nil, io.EOF
	}
}

func parseColumn(texts []string) *graph.Tensor {
	n := int64(len(texts))
	whole, real := graph.NewTensor(graph.Int64, n), graph.NewTensor(graph.Float64, n)
	ints, floats := graph.Data[int64](whole), graph.Data[float64](real)
	isInt, numbers := true, 0
	for i, s := range texts {
		var err error
		if isInt {
			ints[i], err = strconv.ParseInt(s, 10, 64)
			isInt = err == nil
		}
		floats[i], err = strconv.ParseFloat(s, 64)
		switch {
		case s == "":
			floats[i] = math.NaN()
		case err != nil && !errors.Is(err, strconv.ErrRange):
			return graph.FromStrings(texts, n)
		default:
			numbers++
		}
	}
	switch {
	case isInt:
		return whole
	case numbers == 0:
		return graph.FromStrings(texts, n)
	}
	return real
}
