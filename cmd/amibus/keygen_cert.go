package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// signer is the authority of a cluster.
type signer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

const authorityValid = 10 * 365 * 24 * time.Hour

// authority reads the authority of the directory, or makes one.
func (k *keygen) authority() (*signer, error) {
	cert, key := filepath.Join(k.dir, "ca.crt"), filepath.Join(k.dir, "ca.key")
	if k.has("ca.key") || k.has("ca.crt") {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("the authority in %s cannot be used: %w; both ca.crt and ca.key are needed to add nodes", k.dir, err)
		}
		private, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
		if !ok {
			return nil, errors.New(key + " is not a key that keygen makes")
		}
		return &signer{pair.Leaf, private}, nil
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	c := certificate("amibus cluster", authorityValid)
	c.IsCA, c.KeyUsage, c.MaxPathLenZero = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign, true
	text, err := sign(c, c, private, private)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(k.writeKey("ca.key", private), k.write("ca.crt", text, 0o644)); err != nil {
		return nil, err
	}
	return &signer{c, private}, nil
}

// node makes the certificate of a node.
func (k *keygen) node(ca *signer, name string) error {
	dir := "nodes/" + name + "/"
	if k.has(dir+"node.crt") && !k.renew {
		return usageError{fmt.Errorf("node %s has a certificate in %s; --renew makes a new one", name, filepath.Join(k.dir, dir))}
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	c := certificate(name, k.valid)
	c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	c.DNSNames, c.IPAddresses = k.names(name)
	text, err := sign(c, ca.cert, private, ca.key)
	if err != nil {
		return err
	}
	return errors.Join(k.writeKey(dir+"node.key", private), k.write(dir+"node.crt", text, 0o644))
}

func certificate(name string, valid time.Duration) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // the system has no random numbers
	}
	now := time.Now()
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-5 * time.Minute), NotAfter: now.Add(valid),
		BasicConstraintsValid: true}
}

func sign(c, parent *x509.Certificate, of, by *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &of.PublicKey, by)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

func (k *keygen) writeKey(name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return k.write(name, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), os.FileMode(0o600))
}
