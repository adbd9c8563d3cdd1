package main

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/server/common/auth"
	"go.temporal.io/server/common/config"
	_ "go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql"
	sqltool "go.temporal.io/server/tools/sql"
)

const plugin = "postgres12_pgx"

// openStore creates the database if it is missing and brings its schema up to date. The schema tool
// ends the process on an error, hence the looks before it is called.
func openStore(postgres, database, schema string) *config.SQL {
	address, err := url.Parse(postgres)
	must(err)
	host, port := address.Hostname(), address.Port()
	if port == "" {
		port = "5432"
	}
	password, _ := address.User.Password()
	tls := transport(address)

	tool := []string{"temporal-sql-tool", "--plugin", plugin, "--ep", host, "-p", port, "-u", address.User.Username(), "--pw", password, "--db", database}
	if tls != nil {
		tool = append(tool, "--tls")
		if !tls.EnableHostVerification {
			tool = append(tool, "--tls-disable-host-verification")
		}
		if tls.CaFile != "" {
			tool = append(tool, "--tls-ca-file", tls.CaFile)
		}
	}
	if !exists(*address, "postgres", "select 1 from pg_database where datname = $1", database) {
		must(sqltool.RunTool(append(tool, "create")))
	}
	if !exists(*address, database, "select 1 from pg_tables where tablename = $1", "schema_version") {
		must(sqltool.RunTool(append(tool, "setup-schema", "-v", "0.0")))
	}
	must(sqltool.RunTool(append(tool, "update-schema", "--schema-name", "postgresql/v12/"+schema)))
	if schema == "visibility" {
		leaveOutAbsent(*address, database)
	}
	return &config.SQL{PluginName: plugin, DatabaseName: database, ConnectAddr: net.JoinHostPort(host, port), ConnectProtocol: "tcp",
		User: address.User.Username(), Password: password, TLS: tls, MaxConns: 20, MaxIdleConns: 20, MaxConnLifetime: time.Hour}
}

// leaveOutAbsent makes each index of an optional attribute one of the rows that have it. The schema has an
// index for every attribute that anybody could use, about sixty, and each of them gets an entry twice for
// every workflow although nearly all attributes are absent. What may be searched for stays the same: a
// comparison is never true of an absent attribute, so these indexes serve it. The names stay too, for later
// versions of the schema. An index that is one of some rows already is left alone, so a second start has
// nothing to do.
func leaveOutAbsent(server url.URL, database string) {
	ctx := context.Background()
	connection := connect(server, database)
	defer connection.Close(ctx)
	transaction, err := connection.Begin(ctx)
	must(err)
	rows, err := transaction.Query(ctx, `
		select pg_get_indexdef(x.indexrelid) || format(' WHERE %I IS NOT NULL', a.attname), x.indexrelid::regclass::text
		from pg_index x join pg_attribute a on a.attrelid = x.indrelid and a.attnum = x.indkey[1]
		where x.indrelid = 'executions_visibility'::regclass and x.indpred is null
			and (a.attgenerated = 's' or a.attname in ('parent_workflow_id', 'parent_run_id'))`)
	must(err)
	type index struct{ Definition, Name string }
	indexes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[index])
	must(err)
	for _, each := range indexes {
		_, err = transaction.Exec(ctx, "drop index "+each.Name)
		must(err)
		_, err = transaction.Exec(ctx, each.Definition)
		must(err)
	}
	must(transaction.Commit(ctx))
}

// transport reads sslmode as libpq does: require encrypts, verify-* also checks who answers.
func transport(address *url.URL) *auth.TLS {
	query := address.Query()
	switch query.Get("sslmode") {
	case "require":
		return &auth.TLS{Enabled: true}
	case "verify-ca", "verify-full":
		return &auth.TLS{Enabled: true, EnableHostVerification: true, CaFile: query.Get("sslrootcert"), ServerName: address.Hostname()}
	}
	return nil
}

// forgetDeadMembers removes the addresses that an earlier server on these databases had, if nobody
// listens there any more. A new server would try to join them, and serve badly for half a minute. A
// server that lives is left in place: the two then share the work.
func forgetDeadMembers(postgres, database string) {
	server, err := url.Parse(postgres)
	must(err)
	connection := connect(*server, database)
	defer connection.Close(context.Background())
	rows, err := connection.Query(context.Background(), "select host_id, rpc_address, rpc_port from cluster_membership")
	must(err)
	type member struct {
		ID      []byte
		Address string
		Port    int16
	}
	members, err := pgx.CollectRows(rows, pgx.RowToStructByPos[member])
	must(err)
	for _, each := range members {
		probe, err := net.DialTimeout("tcp", net.JoinHostPort(each.Address, strconv.Itoa(int(each.Port))), time.Second)
		if err == nil {
			must(probe.Close())
			continue
		}
		_, err = connection.Exec(context.Background(), "delete from cluster_membership where host_id = $1", each.ID)
		must(err)
	}
}

func exists(server url.URL, database, query, argument string) bool {
	connection := connect(server, database)
	defer connection.Close(context.Background())
	var one int
	err := connection.QueryRow(context.Background(), query, argument).Scan(&one)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		must(err)
	}
	return err == nil
}

func connect(server url.URL, database string) *pgx.Conn {
	server.Path = database
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	connection, err := pgx.Connect(ctx, server.String())
	must(err)
	return connection
}
