package cacheutils

import (
	"time"

	retry "github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/retry"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// retryConnections lets a driver or launcher try for 40 s to connect to the API server.
func retryConnections() grpc.DialOption {
	return grpc.WithUnaryInterceptor(retry.UnaryClientInterceptor(
		retry.WithMax(8),
		retry.WithBackoff(retry.BackoffExponentialWithJitter(300*time.Millisecond, 0.20)),
		retry.WithCodes(codes.Unavailable),
	))
}
