using System.Text;
using Stoa.Market.Audit;

namespace Stoa.Node.Audit;

/// <summary>Which entries are wanted.</summary>
/// <param name="Actor">Id of who did it; null for everybody.</param>
/// <param name="Name">Of the act; null for all.</param>
/// <param name="From">The earliest time; null for the beginning.</param>
/// <param name="To">The time before which it was; null for now.</param>
public sealed record AuditFilter(string? Actor = null, string? Name = null, DateTimeOffset? From = null, DateTimeOffset? To = null)
{
    // Most lines of a block are somebody else's: what cannot be meant is not parsed.
    private readonly byte[]? _actorMark = Actor is null ? null : Encoding.ASCII.GetBytes($"\"actor\":\"{Actor}\"");

    /// <summary>The entry of a line when it is wanted; null otherwise.</summary>
    public AuditEntry? Read(ReadOnlyMemory<byte> line)
    {
        if (_actorMark is not null && line.Span.IndexOf(_actorMark) < 0)
            return null;
        var entry = AuditEntry.Read(line);
        return (Actor is null || entry.Act.Actor == Actor)
            && (Name is null || entry.Act.Name == Name)
            && !(entry.Act.At < From)
            && !(entry.Act.At >= To)
                ? entry
                : null;
    }
}
