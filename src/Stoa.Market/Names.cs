using System.Text.RegularExpressions;

namespace Stoa.Market;

/// <summary>The grammar of the names that people choose.</summary>
public static partial class Names
{
    /// <summary>The longest handle: 39 characters. Every peer id is longer.</summary>
    public const int MaxHandleLength = 39;

    /// <summary>A handle: 2 to 39 characters of <c>a-z 0-9 -</c>, a letter or digit at both ends.</summary>
    public static bool IsHandle(string text) => HandlePattern().IsMatch(text);

    /// <summary>An agent's name: 2 to 64 characters of <c>a-z 0-9 -</c>, starting with a letter, no hyphen at the end.</summary>
    public static bool IsAgentName(string text) => AgentNamePattern().IsMatch(text);

    /// <summary>A capability: dotted lower-case words such as <c>image.resize</c>, at most 64 characters.</summary>
    public static bool IsCapability(string text) => text.Length <= 64 && CapabilityPattern().IsMatch(text);

    /// <summary>A region: 2 to 32 characters of <c>a-z 0-9 -</c>, starting with a letter, no hyphen at the end; such as <c>eu-central</c>.</summary>
    public static bool IsRegion(string text) => RegionPattern().IsMatch(text);

    /// <summary>A category of listings: 2 to 32 characters of <c>a-z 0-9 -</c>, starting with a letter, no hyphen at the end; such as <c>image-editing</c>.</summary>
    public static bool IsCategory(string text) => RegionPattern().IsMatch(text);

    /// <summary>What <see cref="IsRoute"/> takes, in words.</summary>
    public const string RouteRule = "1 to 64 characters of a-z A-Z 0-9 . _ : -, the first a letter or a digit, and not auto or what begins with auto:";

    /// <summary>A route, a name that stands for models: <see cref="RouteRule"/>.</summary>
    public static bool IsRoute(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length is >= 1 and <= 64 && char.IsAsciiLetterOrDigit(text[0])
            && text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '_' or ':' or '-')
            && text != "auto" && !text.StartsWith("auto:", StringComparison.Ordinal);
    }

    [GeneratedRegex(@"^[a-z0-9][a-z0-9-]{0,37}[a-z0-9]\z", RegexOptions.CultureInvariant)]
    private static partial Regex HandlePattern();

    [GeneratedRegex(@"^[a-z][a-z0-9-]{0,62}[a-z0-9]\z", RegexOptions.CultureInvariant)]
    private static partial Regex AgentNamePattern();

    [GeneratedRegex(@"^[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex CapabilityPattern();

    [GeneratedRegex(@"^[a-z][a-z0-9-]{0,30}[a-z0-9]\z", RegexOptions.CultureInvariant)]
    private static partial Regex RegionPattern();
}
