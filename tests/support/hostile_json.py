"""JSON files that are damaged, hostile, or hold another kind of value than expected."""

# No reader accepts these bytes as an object.
NO_OBJECTS = {
    "empty": b"",
    "zeros": bytes(100),
    "list": b"[]",
    "number": b"3",
    "null": b"null",
    "true": b"true",
    "text": b'"text"',
    "cut": b'{"epochs": ',
    "two objects": b"{}{}",
    "no UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "half a pair": b'{"a": "\\ud800"}',
    "half a pair as a key": b'{"\\udfff": 1}',
    "deep lists": b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a": ' * 100_000 + b"1" + b"}" * 100_000,
    "thirty levels": b'{"a": ' + b"[" * 30 + b"]" * 30 + b"}",
    "many digits": b'{"a": ' + b"9" * 5000 + b"}",
    "twenty digits": b'{"a": ' + b"9" * 20 + b"}",
    "many objects": b'{"a": [' + b"{}," * 700_000 + b"{}]}",
    "too large": b'{"a": "' + b"x" * 2**24 + b'"}',
    "large with an emoji": '{"a": "😀'.encode() + b"x" * 2**24 + b'"}',
}
# Values where code expects another type, as JSON.
VALUES = (
    *("null", "true", "3", "-1", "0.5", "NaN", "1e999", '""', '"x"', "[]", "[3]", "[[]]"),
    *("{}", '{"a": {}}', "9223372036854775807"),
)


def objects_with(*keys):
    """Yield a name and the bytes of an object for each key and each value."""
    for key in keys:
        for value in VALUES:
            yield f"{key}={value}", f'{{"{key}": {value}}}'.encode()
