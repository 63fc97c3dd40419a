package redact_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/crossoverJie/k8s-combat/app/internal/redact"
)

func ExampleURL() {
	fmt.Println(redact.URL("postgres://postgres:postgres@localhost:5432/postgres?sslmode=disable"))
	// Output: postgres://postgres:***@localhost:5432/postgres?sslmode=disable
}

func TestURL(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"empty":                      {"", ""},
		"no user info":               {"postgres://db:5432/postgres", "postgres://db:5432/postgres"},
		"user without password":      {"postgres://me@db/postgres", "postgres://***@db/postgres"},
		"empty password":             {"postgres://me:@db/postgres", "postgres://me:***@db/postgres"},
		"no user":                    {"redis://:hunter2@db:6379/0", "redis://:***@db:6379/0"},
		"IPv6 host":                  {"postgres://me:hunter2@[::1]:5432/x", "postgres://me:***@[::1]:5432/x"},
		"several hosts":              {"postgres://me:hunter2@a:1,b:2/x", "postgres://me:***@a:1,b:2/x"},
		"escaped password":           {"postgres://me:hunter%402@db/x", "postgres://me:***@db/x"},
		"colon in password":          {"postgres://me:hunt:er2@db/x", "postgres://me:***@db/x"},
		"at sign in password":        {"postgres://me:hunt@er2@db/x", "postgres://me:***@db/x"},
		"slash in password":          {"postgres://me:hunt/er2@db/x", "postgres://me:***@db/x"},
		"digits, slash in password":  {"postgres://me:12/hunter2@db/x", "postgres://me:***@db/x"},
		"hash in password":           {"postgres://me:hunt#er2@db/x", "postgres://me:***@db/x"},
		"question mark in password":  {"postgres://me:hunt?er2@db/x", "postgres://me:***@db/x"},
		"bad escape in password":     {"postgres://me:hunter%2@db/x", "postgres://me:***@db/x"},
		"space in password":          {"postgres://me:hunt er2@db/x", "postgres://me:***@db/x"},
		"password in query":          {"postgres://db/x?user=me&password=hunter2&a=b", "postgres://db/x?user=me&password=***&a=***"},
		"password for TLS key":       {"postgres://db/x?sslpassword=hunter2", "postgres://db/x?sslpassword=***"},
		"JDBC":                       {"jdbc:postgresql://db/x?user=me&password=hunter2", "jdbc:postgresql://db/x?user=me&password=***"},
		"no scheme":                  {"me:hunter2@tcp(db:3306)/x", "me:***@tcp(db:3306)/x"},
		"DSN":                        {"host=db user=me password=hunter2 dbname=x", "host=db user=me password=*** dbname=x"},
		"DSN, upper case":            {"HOST=db PASSWORD=hunter2", "HOST=db PASSWORD=***"},
		"DSN, spaces around":         {"host=db password = hunter2 dbname=x", "host=db password = *** dbname=x"},
		"DSN, quoted":                {"password='hunter2 it''s' dbname=x", "password=*** dbname=x"},
		"DSN, quoted with escape":    {`password='hunt\'er2 x' dbname=x`, `password=*** dbname=x`},
		"DSN, quote never closed":    {"host=db password='hunter2 x", "host=db password=***"},
		"DSN, ends in a backslash":   {`host=db password='hunter2 x\`, "host=db password=***"},
		"DSN, escaped space":         {`host=db password=hunt\ er2 dbname=x`, "host=db password=*** dbname=x"},
		"DSN, double quotes":         {`host=db password="hunt er2" dbname=x`, "host=db password=*** dbname=x"},
		"DSN, URL in password":       {"host=db password=hunt://er2 dbname=x", "host=db password=*** dbname=x"},
		"space in query":             {"postgres://db/x?password=hunt er2#er2&a=b", "postgres://db/x?password=***#***&a=***"},
		"DSN, last":                  {"host=db pwd=hunter2", "host=db pwd=***"},
		"ADO connection string":      {"Server=db;Password=hunter2;Database=x", "Server=db;Password=***;Database=x"},
		"escaped key":                {"postgres://db/x?pass%77ord=hunter2", "postgres://db/x?pass%77ord=***"},
		"badly escaped key":          {"postgres://db/x?user%=hunter2", "postgres://db/x?user%=***"},
		"API key":                    {"https://h/x?apikey=hunter2", "https://h/x?apikey=***"},
		"key that nobody has listed": {"https://h/x?k=hunter2&sslmode=disable", "https://h/x?k=***&sslmode=disable"},
		"parameter without a key":    {"https://h/x?hunter2", "https://h/x?***"},
		"fragment":                   {"https://h/x#access=hunter2", "https://h/x#access=***"},
		"matrix parameter":           {"jdbc:sqlserver://db:1433;user=me;password=hunter2;encrypt=true", "jdbc:sqlserver://db:1433;user=me;password=***;encrypt=true"},
		"token as a user":            {"https://hunter2@h/x", "https://***@h/x"},
		"token and a fixed password": {"https://hunter2:x-oauth-basic@h/x", "https://***@h/x"},
		"Oracle":                     {"me/hunter2@db", "***@db"},
		"Oracle by JDBC":             {"jdbc:oracle:thin:me/hunter2@db", "jdbc:***@db"},
		"ADO, space in password":     {"User Id=me;Password=hunt er2;Database=x", "User Id=me;Password=***;Database=x"},
		"ADO, space and nothing":     {"Password=hunt er2", "Password=***"},
		"ADO, ends in a semicolon":   {"Server=db;Password=hunt er2;", "Server=db;Password=***;"},
		"ADO, quoted":                {`Password="hunt;er2";Server=db`, `Password=***;Server=db`},
		"DSN, semicolon in password": {"host=db password=hunt;er2 dbname=x", "host=db password=****** dbname=x"},
		"DSN, key in password":       {`host=db password='hunt user=er2' dbname=x`, "host=db password=*** dbname=x"},
		"DSN, escaped key":           {`host=db password=hunt\ user=er2 dbname=x`, "host=db password=*** dbname=x"},
		"DSN, user info in a host":   {"host=me:hunter2@db", "host=***"},
		"at sign in the query hides": {"postgres://db:5432/x?name=a@b", "postgres://db:***@b"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := redact.URL(tt.in)
			assert.Equal(t, tt.want, got)
			for _, piece := range []string{"hunt", "er2"} {
				assert.NotContains(t, got, piece)
			}
		})
	}
}

func TestAttributes(t *testing.T) {
	for in, want := range map[string]string{
		"":                              "",
		"service.version=v1,team=a":     "service.version=v1,team=***",
		"k8s.pod.name=x,api.key=hunter": "k8s.pod.name=x,api.key=***",
		"hunter2,service.name=a":        "***,service.name=a",
	} {
		assert.Equal(t, want, redact.Attributes(in))
	}
}

func FuzzURL(f *testing.F) {
	f.Add("me", "p/w")
	f.Add("a:b", "@?#&=")
	f.Fuzz(func(t *testing.T, user, password string) {
		const marker = "hunter2"
		for _, in := range []string{
			"postgres://" + user + ":" + password + marker + "@db/x",
			"host=db password='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(password) + marker + "'",
		} {
			assert.NotContains(t, redact.URL(in), marker, in)
		}
	})
}

func TestQuotes(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"nothing quoted": {"line 3: mapping values are not allowed", "line 3: mapping values are not allowed"},
		"backquotes":     {"line 1: cannot unmarshal !!str `hunter2...` into map", "line 1: cannot unmarshal !!str *** into map"},
		"quotes":         {"unknown anchor 'hunter2' referenced", "unknown anchor *** referenced"},
		"quote inside":   {"cannot decode !!str `a`hunter2` as a !!int", "cannot decode !!str *** as a !!int"},
		"line inside":    {"unknown anchor 'hunt\ner2' referenced", "unknown anchor *** referenced"},
		"double quotes":  {`key "hunter2" already set`, "key *** already set"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tt.want, redact.Quotes(tt.in))
		})
	}
}
