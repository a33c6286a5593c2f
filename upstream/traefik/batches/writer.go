// Package batches writes lines together.
//
// containerd and its shim copy each write of a container to its log. One write for each line of the access log cost
// as much CPU per request as Traefik itself.
package batches

import (
	"io"
	"sync"
	"time"
)

const (
	// A line waits at most so long: somebody may be reading along.
	longest = 100 * time.Millisecond
	most    = 16 << 10
)

// Writer keeps lines until they are many or old.
type Writer struct {
	out   io.Writer
	mutex sync.Mutex
	kept  []byte
	// flushing is the timer of the kept lines; nil while there are none.
	flushing *time.Timer
}

// New returns a writer of batches to another one.
func New(out io.Writer) *Writer { return &Writer{out: out} }

// Write keeps a line. An error of the other writer is that of the lines before.
func (w *Writer) Write(line []byte) (int, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.kept = append(w.kept, line...)
	if len(w.kept) >= most {
		return len(line), w.flush()
	}
	if w.flushing == nil {
		w.flushing = time.AfterFunc(longest, func() { _ = w.Close() })
	}
	return len(line), nil
}

// Close writes what is kept; the other writer stays open.
func (w *Writer) Close() error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.flush()
}

func (w *Writer) flush() error {
	if w.flushing != nil {
		w.flushing.Stop()
		w.flushing = nil
	}
	if len(w.kept) == 0 {
		return nil
	}
	_, err := w.out.Write(w.kept)
	w.kept = w.kept[:0]
	return err
}
