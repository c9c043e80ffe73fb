using System.Globalization;

namespace Stoa.Node.PayPerCall;

/// <summary>Reads headers that are dictionaries in the manner of RFC 8941, section 3.2: <c>fuel=1000000, timeoutMs=5000</c>. Values are numbers and tokens without commas, and no name comes twice.</summary>
internal sealed class StructuredHeader
{
    private const int LengthMax = 256;

    private readonly Dictionary<string, string> _members = new(StringComparer.Ordinal);

    /// <summary>How many members there are; none where the header is not there.</summary>
    public int Count => _members.Count;

    /// <summary>The names of all members.</summary>
    public IEnumerable<string> Names => _members.Keys;

    /// <summary>Reads a header.</summary>
    /// <returns>Null when it is longer than 256 characters, or no dictionary.</returns>
    public static StructuredHeader? Read(HttpRequest request, string name)
    {
        var text = request.Headers[name].ToString();
        if (text.Length > LengthMax)
            return null;
        var header = new StructuredHeader();
        foreach (var part in text.Length == 0 ? [] : text.Split(',', StringSplitOptions.TrimEntries))
        {
            var sign = part.IndexOf('=', StringComparison.Ordinal);
            if (sign <= 0 || !header._members.TryAdd(part[..sign], part[(sign + 1)..]))
                return null;
        }

        return header;
    }

    /// <summary>The text of a member; null when it is not there.</summary>
    public string? Find(string name) => _members.GetValueOrDefault(name);

    /// <summary>The number of a member; null when it is not there, or no integer in decimal digits.</summary>
    public long? FindInteger(string name) =>
        long.TryParse(Find(name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value : null;
}
