// Package sqlite3 stands for the SQLite driver, which KFP's API server uses in its own unit tests only: the
// server's source names this error, its data lie in MySQL. With the real driver it needs cgo, and everything
// is compiled twice.
package sqlite3

// ErrNo is a result code of SQLite.
type ErrNo int

// ErrConstraint says that a row would break a constraint: https://sqlite.org/rescode.html#constraint
const ErrConstraint ErrNo = 19

// Error is what the driver would return. No database is registered here, so nobody ever gets one.
type Error struct {
	Code ErrNo
}

func (Error) Error() string {
	return "SQLite is not part of this build"
}
