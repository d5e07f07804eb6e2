#!/bin/sh
# Makes an authority, a certificate for Temporal's processes and one for who comes to them, if you have no authority.
#
#   ./certificates.sh FOLDER [DAYS]     default: 825 days
#
# Both end on one day, which it says: after that nobody is let in by anybody. The authority ends after ten years.
# node.* go to the machines of Temporal, client.* to those of Tempost, ca.crt to all, ca.key to a safe place. Certificates
# are checked by the name "temporal" and not by addresses. With a folder that has ca.key new ones are made of that one.
set -eu
cd "$1"
days=${2:-825}
umask 077
export RANDFILE=/dev/null
quietly() { "$@" 2>certificates.log || { cat certificates.log >&2; exit 1; }; }
[ -f ca.key ] || quietly openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days 3650 -subj '/CN=temporal authority' \
  -addext 'keyUsage=critical,keyCertSign,cRLSign' -keyout ca.key -out ca.crt
for name in node client; do
  usage=clientAuth
  [ $name = client ] || usage=serverAuth,clientAuth
  printf 'subjectAltName=DNS:temporal\nextendedKeyUsage=%s\nbasicConstraints=CA:FALSE\n' $usage >$name.ext
  quietly openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -subj "/CN=temporal $name" -keyout $name.key -out $name.csr
  quietly openssl x509 -req -sha256 -days "$days" -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial \
    -extfile $name.ext -out $name.crt
  rm $name.csr $name.ext
done
cat client.crt client.key >client.pem # for HAProxy
rm certificates.log
echo "node.crt and client.crt end on $(openssl x509 -in node.crt -noout -enddate | cut -d= -f2): make new ones before"
