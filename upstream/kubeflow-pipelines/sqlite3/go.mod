// Stands for github.com/mattn/go-sqlite3: see sqlite3.go.
module github.com/mattn/go-sqlite3

go 1.24
