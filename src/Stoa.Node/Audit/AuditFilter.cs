using System.Text;
using Stoa.Market.Audit;

namespace Stoa.Node.Audit;

/// <summary>Which entries are wanted.</summary>
/// <param name="Actor">Id of who did it; null for everybody.</param>
/// <param name="Name">Of the act; null for all.</param>
/// <param name="From">The earliest time; null for the beginning.</param>
/// <param name="To">The time before which it was; null for now.</param>
/// <param name="Account">Id of the organisation in whose name it was done; null for whoever's.</param>
public sealed record AuditFilter(
    string? Actor = null, string? Name = null, DateTimeOffset? From = null, DateTimeOffset? To = null, string? Account = null)
{
    // Most lines of a block are somebody else's: what cannot be meant is not parsed.
    private readonly byte[]? _mark = (Account ?? Actor) is { } id ? Encoding.ASCII.GetBytes($"\"{(Account is null ? "actor" : "account")}\":\"{id}\"") : null;

    /// <summary>Whose entries are wanted, as far as it is known in which blocks those are; null for everybody's.</summary>
    public string? Whose => Account ?? Actor;

    /// <summary>The entry of a line when it is wanted; null otherwise.</summary>
    public AuditEntry? Read(ReadOnlyMemory<byte> line)
    {
        if (_mark is not null && line.Span.IndexOf(_mark) < 0)
            return null;
        var entry = AuditEntry.Read(line);
        return (Actor is null || entry.Act.Actor == Actor)
            && (Account is null || entry.Act.Account == Account)
            && (Name is null || entry.Act.Name == Name)
            && !(entry.Act.At < From)
            && !(entry.Act.At >= To)
                ? entry
                : null;
    }
}
