// Prints for each name given its addresses by Go's own resolver, or "-" where there are none.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
)

func main() {
	resolver := &net.Resolver{PreferGo: true}
	for _, name := range os.Args[1:] {
		found, err := resolver.LookupHost(context.Background(), name)
		if err != nil {
			found = []string{"-"}
		}
		fmt.Println(name, strings.Join(found, " "))
	}
}
