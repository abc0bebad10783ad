// Package peers is a module of its own for the engines that bench compares with, so that nobody who links astronnx links them. Each
// is a program that package turns drives.
package peers
