package pod

import (
	"maps"
	"path"
	"reflect"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/crossoverJie/k8s-combat/infra/internal/problem"
	"github.com/crossoverJie/k8s-combat/infra/internal/ref"
)

// Volume is a volume of a pod, which containers mount. Containers that mount the same Volume share
// it. Make one with EmptyDir, Claim, ExistingClaim, EphemeralClaim, ClaimTemplate, AllKeys,
// ServiceAccountToken, DownwardAPI, CSI, Image or HostPath. See
// https://kubernetes.io/docs/concepts/storage/volumes/.
type Volume struct {
	name   string
	source volumeSource
}

// volumeSource is what a volume is made of.
type volumeSource interface {
	validate(l *problem.List, at *problem.Path)
	// render returns nil for a volume that the pod need not declare.
	render() *corev1.VolumeSource
}

// Mount is a Volume at a path of a container.
type Mount struct {
	// Path where the container sees the volume, absolute and clean. What the image has there is
	// hidden, so folders that every image has, such as /etc, are an error. Required.
	Path string
	// Volume to mount. Required.
	Volume Volume
	// ReadOnly keeps the container from writing to it. Defaults to false.
	ReadOnly bool
	// SubPath is a folder or file of the volume, relative and without '..', to mount in place of
	// the whole. A volume of a Config or of Credentials mounted so is not updated. Defaults to the
	// whole.
	SubPath string
	// SubPathExpr is a SubPath in which $(NAME) stands for the value of an environment variable of
	// the container. An error beside SubPath. Defaults to none.
	SubPathExpr string

	// of is the option that the mount comes from. Nil for one of Mounts.
	of *problem.Path
}

// Of is the mount as one that comes from the option at of a workload, which messages then name.
func (m Mount) Of(at *problem.Path) Mount {
	m.of = at
	return m
}

// at is the option that holds the mount, one of the Mounts of a container.
func (m Mount) at(container *problem.Path, index int) *problem.Path {
	if m.of != nil {
		return m.of
	}
	return container.Child("Mounts").Index(index)
}

// Medium is what an EmptyDir is kept in.
type Medium string

const (
	// Disk is whatever the node keeps its files on.
	Disk Medium = "Disk"
	// Memory is a file system in memory, which counts towards the memory limit of the containers.
	Memory Medium = "Memory"
)

// EmptyDirOptions are the options of an EmptyDir.
type EmptyDirOptions struct {
	// SizeLimit is how much it may hold before the pod is evicted, a quantity such as 64Mi.
	// Defaults to no limit of its own.
	SizeLimit string
	// Medium defaults to Disk.
	Medium Medium
}

type emptyDir struct{ options EmptyDirOptions }

// EmptyDir is an empty folder that lives as long as the pod.
func EmptyDir(name string, options EmptyDirOptions) Volume { return Volume{name, emptyDir{options}} }

func (v emptyDir) validate(l *problem.List, at *problem.Path) {
	if v.options.SizeLimit != "" {
		validateStorage(l, at.Child("SizeLimit"), v.options.SizeLimit)
	}
	problem.OneOf(l, at.Child("Medium"), v.options.Medium, Disk, Memory)
}

func (v emptyDir) render() *corev1.VolumeSource {
	source := &corev1.EmptyDirVolumeSource{}
	if size, err := resource.ParseQuantity(v.options.SizeLimit); v.options.SizeLimit != "" && err == nil {
		source.SizeLimit = &size
	}
	if v.options.Medium == Memory {
		source.Medium = corev1.StorageMediumMemory
	}
	return &corev1.VolumeSource{EmptyDir: source}
}

// validateStorage checks an amount of storage.
func validateStorage(l *problem.List, at *problem.Path, text string) {
	quantity, err := resource.ParseQuantity(text)
	if err != nil || quantity.Sign() <= 0 || !isWhole(quantity) {
		l.Add(at, text,
			"is not an amount of storage; use a quantity of bytes above 0, for example 64Mi or 10Gi")
		return
	}
	l.Storage(at, text, quantity)
}

// ClaimSource is a claim for storage that a construct of this program makes: an
// *infra.PersistentVolumeClaim.
type ClaimSource interface {
	// ClaimRef refers to the object. Zero for a claim that is nil itself.
	ClaimRef() ref.Object
}

type claim struct{ object ref.Object }

// Claim is the storage that a PersistentVolumeClaim of this program has. The claim stands in the
// namespace of the pods.
func Claim(source ClaimSource) Volume {
	var object ref.Object
	if source != nil {
		object = ref.Of(func() ref.Object { return source.ClaimRef() })
	}
	return Volume{object.Name(), claim{object: object}}
}

// ExistingClaim is the storage that a PersistentVolumeClaim of that name has, which is made elsewhere.
func ExistingClaim(name string) Volume {
	return Volume{name, claim{object: ref.Elsewhere("PersistentVolumeClaim", name)}}
}

func (v claim) validate(l *problem.List, at *problem.Path) {
	if v.object.IsZero() {
		l.Missing(at, "give a *PersistentVolumeClaim that is not nil")
		return
	}
	l.DNSSubdomain(at.Child("Name"), v.object.Name())
}

func (v claim) render() *corev1.VolumeSource {
	return &corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: v.object.Name()}}
}

type claimTemplate struct{}

// ClaimTemplate is the storage that each pod of a StatefulSet has of its own, by the name of one of
// its Claims.
func ClaimTemplate(name string) Volume { return Volume{name, claimTemplate{}} }

func (claimTemplate) validate(*problem.List, *problem.Path) {}

func (claimTemplate) render() *corev1.VolumeSource { return nil }

// AccessMode says how many may use a claim for storage.
// See https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes.
type AccessMode string

// The access modes of Kubernetes.
const (
	ReadWriteOnce    AccessMode = "ReadWriteOnce"
	ReadOnlyMany     AccessMode = "ReadOnlyMany"
	ReadWriteMany    AccessMode = "ReadWriteMany"
	ReadWriteOncePod AccessMode = "ReadWriteOncePod"
)

// ClaimOptions say which storage is asked for.
type ClaimOptions struct {
	// Storage is how much is asked for, a quantity such as 10Gi. Required.
	Storage string
	// StorageClass names the class of storage. Defaults to the cluster's default class.
	StorageClass string
	// AccessModes say how many nodes and pods may use it. Default to ReadWriteOnce.
	AccessModes []AccessMode
	// Block asks for a raw block device in place of a file system; it cannot be mounted at a path.
	// Defaults to false.
	Block bool
}

// Validate records what is wrong with the options.
func (o ClaimOptions) Validate(l *problem.List, at *problem.Path) {
	if o.Storage == "" {
		l.Missing(at.Child("Storage"), "say how much is needed, for example 10Gi")
	} else {
		validateStorage(l, at.Child("Storage"), o.Storage)
	}
	if o.StorageClass != "" {
		l.DNSSubdomain(at.Child("StorageClass"), o.StorageClass)
	}
	for i, mode := range o.AccessModes {
		field := at.Child("AccessModes").Index(i)
		if mode == "" {
			l.Missing(field, "use ReadWriteOnce, ReadOnlyMany, ReadWriteMany or ReadWriteOncePod")
		}
		problem.OneOf(l, field, mode, ReadWriteOnce, ReadOnlyMany, ReadWriteMany, ReadWriteOncePod)
		if slices.Contains(o.AccessModes[:i], mode) {
			l.Add(field, string(mode), "is there twice; leave out one of them")
		}
	}
	if slices.Contains(o.AccessModes, ReadWriteOncePod) && len(o.AccessModes) > 1 {
		l.Add(at.Child("AccessModes"), o.AccessModes,
			"has ReadWriteOncePod, which stands alone; leave out the others")
	}
}

// Spec is the specification of the claim.
func (o ClaimOptions) Spec() corev1.PersistentVolumeClaimSpec {
	spec := corev1.PersistentVolumeClaimSpec{}
	for _, mode := range o.AccessModes {
		spec.AccessModes = append(spec.AccessModes, corev1.PersistentVolumeAccessMode(mode))
	}
	if len(spec.AccessModes) == 0 {
		spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
	}
	if o.StorageClass != "" {
		spec.StorageClassName = &o.StorageClass
	}
	if size, err := resource.ParseQuantity(o.Storage); err == nil {
		spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: size}
	}
	if o.Block {
		spec.VolumeMode = new(corev1.PersistentVolumeBlock)
	}
	return spec
}

type ephemeralClaim struct{ options ClaimOptions }

// EphemeralClaim is storage that is claimed for each pod and ends with it.
// See https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/#generic-ephemeral-volumes.
func EphemeralClaim(name string, options ClaimOptions) Volume {
	return Volume{name, ephemeralClaim{options}}
}

func (v ephemeralClaim) validate(l *problem.List, at *problem.Path) {
	v.options.Validate(l, at)
	if v.options.Block {
		l.Add(at.Child("Block"), true, "cannot be mounted at a path; leave it out")
	}
}

func (v ephemeralClaim) render() *corev1.VolumeSource {
	return &corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{
		VolumeClaimTemplate: &corev1.PersistentVolumeClaimTemplate{Spec: v.options.Spec()},
	}}
}

type allKeys struct{ data *ref.Data }

// AllKeys are all keys of a Config or of Credentials as files of a folder. The kubelet updates
// them, but a change of a Config that restarts its pods rolls them too.
func AllKeys(source KeySource) Volume {
	data := dataOf(source)
	name := ""
	if data != nil {
		name = dataVolumeName(data)
	}
	return Volume{name, allKeys{data}}
}

func (v allKeys) validate(l *problem.List, at *problem.Path) {
	if v.data == nil {
		l.Missing(at.Child("Source"), "give a *Config or *Credentials that is not nil")
	}
}

func (v allKeys) render() *corev1.VolumeSource {
	if v.data == nil {
		return nil
	}
	return new(dataVolume(v.data, nil))
}

// TokenOptions are the options of a ServiceAccountToken.
type TokenOptions struct {
	// Audience is who the token is for. Defaults to the API server.
	Audience string
	// Expiration is how long a token is valid, in whole seconds, at least 10 min; the kubelet
	// renews it before. Defaults to Kubernetes' 1 h.
	Expiration time.Duration
	// Path of the token in the volume, relative and without '..'. Defaults to "token".
	Path string
}

type token struct{ options TokenOptions }

// ServiceAccountToken is a token of the pod's service account, for the audience that the options
// name. It does not need Security.MountServiceAccountToken. See
// https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken.
func ServiceAccountToken(name string, options TokenOptions) Volume {
	if options.Path == "" {
		options.Path = "token"
	}
	return Volume{name, token{options}}
}

const shortestToken = 10 * time.Minute

func (v token) validate(l *problem.List, at *problem.Path) {
	l.Seconds(at.Child("Expiration"), v.options.Expiration)
	if d := v.options.Expiration; d > 0 && d < shortestToken {
		l.Add(at.Child("Expiration"), d, "is too short; use 10m or more")
	}
	validateRelative(l, at.Child("Path"), v.options.Path)
}

func (v token) render() *corev1.VolumeSource {
	projection := &corev1.ServiceAccountTokenProjection{Audience: v.options.Audience, Path: v.options.Path}
	if v.options.Expiration > 0 {
		projection.ExpirationSeconds = new(int64(v.options.Expiration / time.Second))
	}
	return &corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{ServiceAccountToken: projection}}}}
}

// validateRelative checks a path within a volume.
func validateRelative(l *problem.List, at *problem.Path, name string) {
	if name == "" || path.IsAbs(name) || path.Clean(name) != name || name == "." || name == ".." ||
		len(name) > 2 && name[:3] == "../" || path.Base(name)[0] == '.' && len(path.Base(name)) > 1 &&
		path.Base(name)[1] == '.' ||
		slices.ContainsFunc([]rune(name), func(r rune) bool { return r < ' ' || r == ':' }) {
		l.Add(at, name, "is not a clean relative path; use for example \"data/cache\", without '..' and ':'")
	}
}

type downwardAPI struct {
	fields map[string]FieldRef
}

// DownwardAPI is a folder of files that tell the container about its pod: files by their relative
// paths, each a field of the pod. metadata.labels and metadata.annotations are kept up to date. See
// https://kubernetes.io/docs/concepts/workloads/pods/downward-api/.
func DownwardAPI(name string, files map[string]FieldRef) Volume {
	return Volume{name, &downwardAPI{fields: maps.Clone(files)}}
}

func (v *downwardAPI) validate(l *problem.List, at *problem.Path) {
	if len(v.fields) == 0 {
		l.Missing(at.Child("Files"), "give at least one file, for example \"labels\": \"metadata.labels\"")
	}
	for _, name := range slices.Sorted(maps.Keys(v.fields)) {
		field := problem.Key(at.Child("Files"), name)
		validateRelative(l, field, name)
		v.fields[name].validate(l, field, fileFields)
	}
}

func (v *downwardAPI) render() *corev1.VolumeSource {
	source := &corev1.DownwardAPIVolumeSource{}
	for _, name := range slices.Sorted(maps.Keys(v.fields)) {
		source.Items = append(source.Items, corev1.DownwardAPIVolumeFile{
			Path: name, FieldRef: &corev1.ObjectFieldSelector{FieldPath: string(v.fields[name])},
		})
	}
	return &corev1.VolumeSource{DownwardAPI: source}
}

// CSIOptions are the options of a CSI volume.
type CSIOptions struct {
	// Driver is the name of the CSI driver. Required.
	Driver string
	// Attributes are for the driver. Default to none.
	Attributes map[string]string
	// ReadOnly asks the driver for a volume that nobody writes to. Defaults to false.
	ReadOnly bool
}

type csi struct{ options CSIOptions }

// CSI is a volume that a CSI driver makes for each pod, for example the one of the secrets store.
// See https://kubernetes.io/docs/concepts/storage/ephemeral-volumes/#csi-ephemeral-volumes.
func CSI(name string, options CSIOptions) Volume { return Volume{name, &csi{options}} }

func (v *csi) validate(l *problem.List, at *problem.Path) {
	const longest = 63
	if v.options.Driver == "" {
		l.Missing(at.Child("Driver"), "name the CSI driver, for example \"secrets-store.csi.k8s.io\"")
	} else if len(v.options.Driver) > longest || len(validation.IsDNS1123Subdomain(v.options.Driver)) > 0 {
		l.Add(at.Child("Driver"), v.options.Driver,
			"is not the name of a CSI driver; use at most 63 lower-case letters, digits, '-' or '.'")
	}
}

func (v *csi) render() *corev1.VolumeSource {
	source := &corev1.CSIVolumeSource{Driver: v.options.Driver,
		VolumeAttributes: maps.Clone(v.options.Attributes)}
	if v.options.ReadOnly {
		source.ReadOnly = new(true)
	}
	return &corev1.VolumeSource{CSI: source}
}

type image struct {
	reference string
	pull      PullPolicy
}

// Image is the content of an image as a read-only folder; the image need not be runnable. The
// cluster needs Kubernetes
// 1.35 or later. See https://kubernetes.io/docs/concepts/storage/volumes/#image.
func Image(name, reference string, pull PullPolicy) Volume {
	return Volume{name, image{reference, pull}}
}

func (v image) validate(l *problem.List, at *problem.Path) {
	l.Image(at.Child("Reference"), v.reference)
	problem.OneOf(l, at.Child("PullPolicy"), v.pull, PullAlways, PullIfNotPresent, PullNever)
}

func (v image) render() *corev1.VolumeSource {
	return &corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: v.reference,
		PullPolicy: corev1.PullPolicy(v.pull)}}
}

// HostPathType says what has to be at a path of the node.
type HostPathType string

// The types of Kubernetes that are asked for here.
const (
	// ExistingDirectory is a folder that is there.
	ExistingDirectory HostPathType = "Directory"
	// DirectoryOrCreate is a folder that is made where it is missing.
	DirectoryOrCreate HostPathType = "DirectoryOrCreate"
	// ExistingFile is a file that is there.
	ExistingFile HostPathType = "File"
)

type hostPath struct {
	path string
	kind HostPathType
}

// HostPath is a folder or file of the node. A pod with one does not meet the Pod Security Standard
// "baseline", nor "restricted": a namespace that enforces either refuses it. An empty kind checks
// nothing.
func HostPath(name, folder string, kind HostPathType) Volume {
	return Volume{name, hostPath{folder, kind}}
}

func (v hostPath) validate(l *problem.List, at *problem.Path) {
	validateAbsolute(l, at.Child("Path"), v.path)
	problem.OneOf(l, at.Child("Type"), v.kind, ExistingDirectory, DirectoryOrCreate, ExistingFile)
}

func (v hostPath) render() *corev1.VolumeSource {
	source := &corev1.HostPathVolumeSource{Path: v.path}
	if v.kind != "" {
		source.Type = new(corev1.HostPathType(v.kind))
	}
	return &corev1.VolumeSource{HostPath: source}
}

func (v Volume) validate(l *problem.List, at *problem.Path) {
	if v.source == nil {
		l.Missing(at, "make it with EmptyDir, Claim, AllKeys or another function that returns a Volume")
		return
	}
	v.source.validate(l, at)
	// The name of a claim template is checked where it is made.
	if _, ofTemplate := v.source.(claimTemplate); !ofTemplate && !v.isNamedAfterSource() &&
		len(validation.IsDNS1123Label(v.name)) > 0 {
		l.Add(at.Child("Name"), v.name, problem.DNSLabelRule)
	}
}

// isNamedAfterSource reports whether nobody has chosen the name, so that the pod may choose another
// one.
func (v Volume) isNamedAfterSource() bool {
	switch v.source.(type) {
	case claim, allKeys:
		return true
	}
	return false
}

// is reports whether both are the same volume.
func (v Volume) is(other Volume) bool {
	return v.name == other.name && reflect.DeepEqual(v.source, other.source)
}
