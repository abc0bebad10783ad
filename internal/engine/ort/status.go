//go:build cgo && !purego && (linux || darwin)

package ort

// #include "bridge.h"
import "C"

import (
	"errors"
	"regexp"
	"strings"

	"github.com/astronnx/astronnx/internal/errs"
)

// ONNX Runtime's error codes that mean more than failure.
const (
	codeInvalidArgument = 2
	codeInvalidProtobuf = 7
	codeNotImplemented  = 9
	codeInvalidGraph    = 10
)

// What ONNX Runtime says of an operator that it does not know.
const (
	unregistered = "is not a registered function/op"
	noSchema     = "No Op registered for"
)

// check turns a status into an error and releases it.
func check(s *C.OrtStatus) error {
	if s == nil {
		return nil
	}
	code, text := int(C.ax_code(s)), C.GoString(C.ax_text(s))
	C.ax_release_status(s)
	return describe(code, text)
}

// The forms in which ONNX Runtime names the node that failed.
var nodePatterns = []*regexp.Regexp{
	regexp.MustCompile(`while running (?P<op>\S+) node\. Name:'(?P<node>[^']*)'`),
	regexp.MustCompile(`Could not find an implementation for (?P<op>[^\s(]+)\((?P<opset>\d+)\) node with name '(?P<node>[^']*)'`),
	regexp.MustCompile(`Node ?\((?P<node>[^)]*)\) Op \((?P<op>[^)]+)\)`),
	regexp.MustCompile(`Node:(?P<node>\S*) Operator:(?P<op>\S+)`),
	regexp.MustCompile(`In Node, \("(?P<node>[^"]*)", (?P<op>[^,]+),`),
	regexp.MustCompile(`Fatal error: (?P<op>[^\s(]+)\((?P<opset>-?\d+)\) is not a registered function/op`),
	regexp.MustCompile(`No Op registered for (?P<op>\S+) with domain_version of (?P<opset>\d+)`),
	regexp.MustCompile(`operator '(?P<op>[^']+)'[^']* node '(?P<node>[^']*)'`),
}

// describe makes the error for a failure of ONNX Runtime: its code from the status's, operator and node from the text.
func describe(code int, text string) error {
	text = strings.TrimSpace(text)
	e := &errs.Error{Code: errs.Engine, Err: errors.New(text)}
	switch code {
	case codeInvalidGraph, codeInvalidProtobuf:
		e.Code = errs.Invalid
	case codeNotImplemented:
		e.Code = errs.UnsupportedOp
	}
	for _, p := range nodePatterns {
		m := p.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		for i, name := range p.SubexpNames() {
			switch name {
			case "op":
				e.Op = m[i]
			case "node":
				e.Node = m[i]
			}
		}
		break
	}
	switch {
	case strings.Contains(text, "OrtValue provided for output"), strings.Contains(text, "OrtValue shape verification failed"):
		e.Code = errs.Output
	case strings.Contains(text, unregistered), strings.Contains(text, noSchema),
		strings.Contains(text, "Could not find an implementation"):
		e.Code = errs.UnsupportedOp
	case strings.Contains(text, "is not currently registered or supported"):
		e.Hint = "this ONNX Runtime does not have the element type: cast to another one, or use a library that has it"
	case strings.Contains(text, "nsupported model IR version"), strings.Contains(text, "is under development and support for this is limited"):
		e.Code = errs.Unavailable
		e.Hint = "the file is newer than this ONNX Runtime: use a newer library, or write the model for an older opset"
	}
	return e
}
