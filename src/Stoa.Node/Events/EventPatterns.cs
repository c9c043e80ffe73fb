using Stoa.Market.Events;
using Stoa.Node.Http;
using Stoa.Primitives;

namespace Stoa.Node.Events;

/// <summary>What a reader subscribes to: types such as <c>stoa.task.succeeded</c>, all types below a name such as <c>stoa.task.*</c>, or the id of a subject.</summary>
/// <param name="Types">Types, written out; empty for all.</param>
/// <param name="Subjects">Ids; empty for all.</param>
public sealed record EventPatterns(IReadOnlyList<string> Types, IReadOnlyList<string> Subjects)
{
    /// <summary>Most entries of one subscription.</summary>
    public const int EntriesMax = 100;

    /// <summary>Everything that the reader may see.</summary>
    public static EventPatterns All { get; } = new([], []);

    /// <summary>Reads a subscription; an event is wanted when any entry is met.</summary>
    /// <exception cref="RequestRefusedException">An entry is neither a known type, nor a name with <c>.*</c>, nor an id.</exception>
    public static EventPatterns Parse(IReadOnlyList<string> entries, string pointer)
    {
        if (entries.Count > EntriesMax)
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: [new(pointer, $"A subscription has at most {EntriesMax} entries.")]);
        var subjects = entries.Where(entry => TypeId.TryParse(entry, out var id) && id.Prefix.Length > 0).ToArray();
        var patterns = entries.Except(subjects).ToArray();
        var unknown = patterns.Where(pattern => !Expand(pattern).Any()).ToArray();
        if (unknown.Length > 0)
        {
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors:
            [
                .. unknown.Select(pattern => new Market.FieldError(
                    pointer, $"'{Cut(pattern)}' is not an event type, nor the beginning of one with .*, nor an id. Types: {string.Join(", ", EventTypes.All)}.")),
            ]);
        }

        return new EventPatterns([.. patterns.SelectMany(Expand).Distinct()], subjects);
    }

    /// <summary>The narrowest filter of the store that lets through everything that is wanted.</summary>
    public EventFilter ToFilter(Id<Market.Identity.User>? viewer) => (Types.Count, Subjects.Count) switch
    {
        (_, 0) => new EventFilter(viewer, null, Types),
        (0, 1) => new EventFilter(viewer, Subjects[0], []),
        _ => new EventFilter(viewer, null, []),
    };

    /// <summary>Whether an event that has passed the filter is wanted.</summary>
    public bool Wants(NewEvent happened) =>
        (Types.Count == 0 && Subjects.Count == 0) || Types.Contains(happened.Type) || Subjects.Contains(happened.Subject);

    private static IEnumerable<string> Expand(string pattern) => pattern == "*"
        ? EventTypes.All
        : EventTypes.All.Where(type => pattern.EndsWith(".*", StringComparison.Ordinal)
            ? type.StartsWith(pattern[..^1], StringComparison.Ordinal)
            : type == pattern);

    private static string Cut(string text) => text.Length <= 60 ? text : text[..60] + "…";
}
