// etcd itself: `go install go.etcd.io/etcd/server/v3` is refused, because its module replaces others.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
