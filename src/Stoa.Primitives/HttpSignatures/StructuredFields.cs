using System.Buffers;
using System.Globalization;
using System.Text;

namespace Stoa.Primitives.HttpSignatures;

/// <summary>A token of a structured field: a word without quotes.</summary>
public readonly record struct FieldToken(string Text);

/// <summary>A value of a structured field with its parameters.</summary>
/// <param name="Value">A <see cref="long"/>, a <see cref="string"/>, a <see cref="FieldToken"/>, bytes, a <see cref="bool"/>, or an inner list: a list of <see cref="FieldItem"/>.</param>
/// <param name="Parameters">In their order; no key comes twice.</param>
public sealed record FieldItem(object Value, IReadOnlyList<KeyValuePair<string, object>> Parameters);

/// <summary>Reads dictionaries of structured fields (RFC 9651, RFC 8941): the part of them that HTTP message signatures and digests need.</summary>
/// <remarks>Strict: decimals, dates and display strings are not taken, and a key that comes twice is refused, where the standard lets the last one win: two readings of one signature are one too many.</remarks>
public static class StructuredFields
{
    private const int MaxMembers = 32;
    private const int MaxIntegerDigits = 15;

    private static readonly SearchValues<char> s_tokenSigns = SearchValues.Create(
        "!#$%&'*+-.^_`|~:/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    private static readonly SearchValues<char> s_keySigns = SearchValues.Create("_-.*0123456789abcdefghijklmnopqrstuvwxyz");

    /// <summary>Reads a dictionary.</summary>
    /// <param name="text">The value of the header field; several lines of it joined by commas.</param>
    /// <exception cref="FormatException">It is anything else.</exception>
    public static IReadOnlyList<KeyValuePair<string, FieldItem>> ReadDictionary(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var reader = new Reader(text.Trim(' '));
        var members = new List<KeyValuePair<string, FieldItem>>();
        while (!reader.IsAtEnd)
        {
            if (members.Count == MaxMembers)
                throw new FormatException($"A dictionary has at most {MaxMembers} members here.");
            var key = reader.ReadKey();
            if (members.Exists(member => member.Key == key))
                throw new FormatException($"The key {key} comes twice.");
            members.Add(new(key, reader.Takes('=') ? reader.ReadItemOrList() : new FieldItem(true, reader.ReadParameters())));
            reader.SkipWhitespace();
            if (reader.IsAtEnd)
                break;
            reader.Expect(',');
            reader.SkipWhitespace();
            if (reader.IsAtEnd)
                throw new FormatException("Nothing comes behind the last comma.");
        }

        return members;
    }

    /// <summary>Writes a string with its quotes.</summary>
    /// <exception cref="FormatException">It holds what a string cannot.</exception>
    public static string Quote(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var quoted = new StringBuilder(text.Length + 2).Append('"');
        foreach (var sign in text)
        {
            if (sign is < ' ' or > '~')
                throw new FormatException("A string of a structured field is of printable ASCII.");
            if (sign is '"' or '\\')
                quoted.Append('\\');
            quoted.Append(sign);
        }

        return quoted.Append('"').ToString();
    }

    /// <summary>Writes bytes between colons.</summary>
    public static string Quote(ReadOnlySpan<byte> bytes) => $":{Convert.ToBase64String(bytes)}:";

    /// <summary>Writes a value without its parameters.</summary>
    public static string Write(object value) => value switch
    {
        long number => number.ToString(CultureInfo.InvariantCulture),
        string text => Quote(text),
        FieldToken token => token.Text,
        byte[] bytes => Quote(bytes),
        bool truth => truth ? "?1" : "?0",
        _ => throw new ArgumentException($"{value.GetType()} is no value of a structured field.", nameof(value)),
    };

    private sealed class Reader(string text)
    {
        private int _at;

        public bool IsAtEnd => _at == text.Length;

        public bool Takes(char sign)
        {
            if (IsAtEnd || text[_at] != sign)
                return false;
            _at++;
            return true;
        }

        public void Expect(char sign)
        {
            if (!Takes(sign))
                throw Fault($"'{sign}' is expected");
        }

        public void SkipWhitespace()
        {
            while (!IsAtEnd && text[_at] is ' ' or '\t')
                _at++;
        }

        public string ReadKey()
        {
            if (IsAtEnd || text[_at] is not (>= 'a' and <= 'z' or '*'))
                throw Fault("a key in lower case is expected");
            return ReadWhile(s_keySigns);
        }

        public FieldItem ReadItemOrList()
        {
            if (!Takes('('))
                return ReadItem();
            var items = new List<FieldItem>();
            while (true)
            {
                SkipSpaces();
                if (Takes(')'))
                    return new FieldItem(items, ReadParameters());
                if (items.Count == MaxMembers)
                    throw Fault($"a list has at most {MaxMembers} items here");
                items.Add(ReadItem());
                if (IsAtEnd || text[_at] is not (' ' or ')'))
                    throw Fault("a space or ')' is expected");
            }
        }

        public List<KeyValuePair<string, object>> ReadParameters()
        {
            var parameters = new List<KeyValuePair<string, object>>();
            while (Takes(';'))
            {
                SkipSpaces();
                if (parameters.Count == MaxMembers)
                    throw Fault($"there are at most {MaxMembers} parameters here");
                var key = ReadKey();
                if (parameters.Exists(parameter => parameter.Key == key))
                    throw Fault($"the parameter {key} comes twice");
                parameters.Add(new(key, Takes('=') ? ReadBareItem() : true));
            }

            return parameters;
        }

        private FieldItem ReadItem()
        {
            var value = ReadBareItem();
            return new FieldItem(value, ReadParameters());
        }

        private object ReadBareItem()
        {
            if (IsAtEnd)
                throw Fault("a value is expected");
            return text[_at] switch
            {
                '"' => ReadString(),
                ':' => ReadBytes(),
                '?' => ReadTruth(),
                '-' or (>= '0' and <= '9') => ReadInteger(),
                '*' or (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') => new FieldToken(ReadWhile(s_tokenSigns)),
                _ => throw Fault("a value is expected"),
            };
        }

        private string ReadString()
        {
            _at++;
            var read = new StringBuilder();
            while (!IsAtEnd)
            {
                var sign = text[_at++];
                switch (sign)
                {
                    case '"':
                        return read.ToString();
                    case '\\' when !IsAtEnd && text[_at] is '"' or '\\':
                        read.Append(text[_at++]);
                        break;
                    case '\\':
                    case < ' ' or > '~':
                        throw Fault("a string is of printable ASCII, with a backslash before quotes and backslashes alone");
                    default:
                        read.Append(sign);
                        break;
                }
            }

            throw Fault("a string ends with a quote");
        }

        private byte[] ReadBytes()
        {
            _at++;
            var length = text.AsSpan(_at).IndexOf(':');
            if (length < 0)
                throw Fault("bytes end with a colon");
            var encoded = text.Substring(_at, length);
            _at += length + 1;
            var bytes = new byte[encoded.Length];
            // Only the one form that these bytes are written in: no white space, and padding where it belongs.
            return Convert.TryFromBase64String(encoded, bytes, out var written) && Convert.ToBase64String(bytes, 0, written) == encoded
                ? bytes[..written]
                : throw Fault("bytes are in base64");
        }

        private bool ReadTruth()
        {
            _at++;
            return Takes('1') ? true : Takes('0') ? false : throw Fault("?0 or ?1 is expected");
        }

        private long ReadInteger()
        {
            var start = _at;
            Takes('-');
            var digits = _at;
            while (!IsAtEnd && char.IsAsciiDigit(text[_at]))
                _at++;
            if (_at == digits || _at - digits > MaxIntegerDigits || (!IsAtEnd && text[_at] == '.'))
                throw Fault($"a whole number of at most {MaxIntegerDigits} digits is expected");
            return long.Parse(text.AsSpan(start, _at - start), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        }

        private string ReadWhile(SearchValues<char> signs)
        {
            var rest = text.AsSpan(_at);
            var length = rest.IndexOfAnyExcept(signs);
            var read = (length < 0 ? rest : rest[..length]).ToString();
            _at += read.Length;
            return read;
        }

        private void SkipSpaces()
        {
            while (!IsAtEnd && text[_at] == ' ')
                _at++;
        }

        private FormatException Fault(string expected) => new($"At character {_at + 1}: {expected}.");
    }
}
