//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/proto"

	"github.com/crossoverJie/k8s-combat/app/helloworld"
)

// frameHeader is the length of the header of a frame of HTTP/2.
const frameHeader = 9

// call calls Greeter.SayHello on one connection of HTTP/2, a call at a time.
type call struct {
	// preface and first are sent once, next from the second call on: its header is made of references to that of first.
	preface, first, next []byte
	// stream is that of the last call.
	stream  uint32
	decoder *hpack.Decoder
	// message is whether the call's message has come, status what its trailer says.
	message bool
	status  string
}

// callBytes are the bytes that each connection sends.
type callBytes struct{ preface, first, next []byte }

func makeCallBytes() (callBytes, error) {
	message, err := proto.Marshal(&helloworld.HelloRequest{Name: "world"})
	if err != nil {
		return callBytes{}, err
	}
	message = append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)

	preface := bytes.NewBufferString(http2.ClientPreface)
	framer := http2.NewFramer(preface, nil)
	// The window of the connection never has to be enlarged again.
	err = errors.Join(framer.WriteSettings(http2.Setting{ID: http2.SettingEnablePush}), framer.WriteWindowUpdate(0, math.MaxInt32-65_535))
	b := callBytes{preface: preface.Bytes()}

	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, request := range []*[]byte{&b.first, &b.next} {
		block.Reset()
		for _, f := range []hpack.HeaderField{
			{Name: ":method", Value: "POST"},
			{Name: ":scheme", Value: "http"},
			{Name: ":path", Value: helloworld.Greeter_SayHello_FullMethodName},
			{Name: ":authority", Value: "localhost"},
			{Name: "content-type", Value: "application/grpc"},
			{Name: "user-agent", Value: "bench"},
			{Name: "te", Value: "trailers"},
		} {
			err = errors.Join(err, encoder.WriteField(f))
		}
		var frames bytes.Buffer
		framer := http2.NewFramer(&frames, nil)
		err = errors.Join(err,
			framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true}),
			framer.WriteData(1, true, message))
		*request = frames.Bytes()
	}
	return b, err
}

func (b callBytes) newCall() conversation {
	c := &call{preface: b.preface, first: b.first, next: b.next}
	c.decoder = hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		if f.Name == "grpc-status" {
			c.status = f.Value
		}
	})
	return c
}

func (c *call) ask(out []byte) []byte {
	request := c.next
	if c.stream == 0 {
		out = append(out, c.preface...)
		request = c.first
		c.stream = 1
	} else {
		c.stream += 2
	}
	c.message, c.status = false, ""
	for len(request) > 0 {
		end := frameHeader + frameLength(request)
		out = append(out, request[:5]...)
		out = binary.BigEndian.AppendUint32(out, c.stream)
		out = append(out, request[frameHeader:end]...)
		request = request[end:]
	}
	return out
}

func frameLength(frame []byte) int { return int(frame[0])<<16 | int(frame[1])<<8 | int(frame[2]) }

func (c *call) receive(data, out []byte) (reply []byte, used int, answered bool, err error) {
	for len(data)-used >= frameHeader {
		frame := data[used:]
		end := frameHeader + frameLength(frame)
		if len(frame) < end {
			break
		}
		used += end
		kind, flags, payload := http2.FrameType(frame[3]), http2.Flags(frame[4]), frame[frameHeader:end]
		switch kind {
		case http2.FrameData:
			c.message = c.message || len(payload) > 0
		case http2.FrameHeaders:
			if !flags.Has(http2.FlagHeadersEndHeaders) || flags.Has(http2.FlagHeadersPadded) || flags.Has(http2.FlagHeadersPriority) {
				return out, used, false, errors.New("header in a form that this client does not read")
			}
			if _, err := c.decoder.Write(payload); err != nil {
				return out, used, false, err
			}
			if !flags.Has(http2.FlagHeadersEndStream) {
				break
			}
			if c.status != "0" || !c.message {
				return out, used, false, fmt.Errorf("grpc-status %q, message: %t", c.status, c.message)
			}
			answered = true
		case http2.FrameSettings:
			if !flags.Has(http2.FlagSettingsAck) {
				out = append(out, 0, 0, 0, byte(http2.FrameSettings), byte(http2.FlagSettingsAck), 0, 0, 0, 0)
			}
		case http2.FramePing:
			if !flags.Has(http2.FlagPingAck) {
				out = append(append(out, 0, 0, 8, byte(http2.FramePing), byte(http2.FlagPingAck), 0, 0, 0, 0), payload...)
			}
		case http2.FrameWindowUpdate:
			// What this client sends is far below any window.
		default:
			return out, used, false, fmt.Errorf("frame %v", kind)
		}
	}
	return out, used, answered, nil
}
