using System.Globalization;
using Stoa.Market;
using Stoa.Node.Http;

namespace Stoa.Node.Tasks;

/// <summary>The parameter <c>wait</c>: how long the line is held for the end of a task, such as <c>30s</c>, <c>2.5s</c> or <c>500ms</c>.</summary>
/// <param name="Time">Null when it was not given.</param>
public sealed record WaitQuery(TimeSpan? Time) : IParsable<WaitQuery>
{
    /// <summary>The longest wait: one minute.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    /// <summary>Reads a wait.</summary>
    /// <exception cref="RequestRefusedException">It has another form or is too long.</exception>
    public static WaitQuery Parse(string s, IFormatProvider? provider = null) => TryParse(s, provider, out var wait)
        ? wait
        : throw new RequestRefusedException(
            RequestRefusal.RequestInvalid, errors: [new FieldError("", $"The parameter wait is a time such as 30s or 500ms, at most {Longest.TotalSeconds}s.")]);

    public static bool TryParse(string? s, IFormatProvider? provider, out WaitQuery result)
    {
        result = new WaitQuery((TimeSpan?)null);
        if (string.IsNullOrEmpty(s))
            return true;
        var (digits, unitMs) = s.EndsWith("ms", StringComparison.Ordinal) ? (s[..^2], 1) : s.EndsWith('s') ? (s[..^1], 1000) : ("", 0);
        if (!decimal.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) || number * unitMs > (decimal)Longest.TotalMilliseconds)
            return false;
        result = new WaitQuery(TimeSpan.FromMilliseconds((double)(number * unitMs)));
        return true;
    }
}
