package tree

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/cdk8s-team/cdk8s-core-go/cdk8s/v2"
)

// NameOptions are the options of DNSLabel and LabelValue; they mean what those of cdk8s.NameOptions mean.
type NameOptions struct {
	// Delimiter stands between the parts of the name. Defaults to "-".
	Delimiter string
	// Extra are parts to put after the ids of the path. Defaults to none.
	Extra []string
	// WithoutHash leaves out the hash of the path. Defaults to false.
	WithoutHash bool
	// MaxLength is how many characters the name may have. Defaults to 63. Less than 8 is an error, unless WithoutHash.
	MaxLength int
}

// namer is implemented by the nodes of the native tree.
type namer interface {
	DNSLabel(options NameOptions) (string, error)
	LabelValue(options NameOptions) (string, error)
}

// DNSLabel makes a name out of the path of a construct that no other one has and that is a DNS label (RFC 1123), as
// cdk8s.Names_ToDnsLabel does, on either tree.
func DNSLabel(construct constructs.Construct, options NameOptions) (name string, err error) {
	defer recovered(&err)
	if namer, ok := NodeOf(construct).(namer); ok {
		return namer.DNSLabel(options)
	}
	return *cdk8s.Names_ToDnsLabel(construct, options.official()), nil
}

// LabelValue does the same for the value of a label, as cdk8s.Names_ToLabelValue does. A Delimiter with other characters
// than letters, digits, '-', '_' and '.' is an error.
func LabelValue(construct constructs.Construct, options NameOptions) (value string, err error) {
	defer recovered(&err)
	if namer, ok := NodeOf(construct).(namer); ok {
		return namer.LabelValue(options)
	}
	return *cdk8s.Names_ToLabelValue(construct, options.official()), nil
}

func (o NameOptions) official() *cdk8s.NameOptions {
	extra := make([]*string, len(o.Extra))
	for i := range extra {
		extra[i] = &o.Extra[i]
	}
	options := &cdk8s.NameOptions{Extra: &extra, IncludeHash: new(!o.WithoutHash)}
	if o.Delimiter != "" {
		options.Delimiter = &o.Delimiter
	}
	if o.MaxLength != 0 {
		options.MaxLen = new(float64(o.MaxLength))
	}
	return options
}
