using System.Collections.Immutable;

namespace Stoa.Wasm;

/// <summary>The signature of a function. Two are equal when their parameters and results are.</summary>
public sealed record FunctionType : ExternType
{
    private readonly int _hash;

    /// <summary>Makes a signature.</summary>
    public FunctionType(ReadOnlySpan<ValueKind> parameters, ReadOnlySpan<ValueKind> results)
    {
        Parameters = [.. parameters];
        Results = [.. results];
        var hash = new HashCode();
        foreach (ValueKind kind in parameters)
            hash.Add((int)kind);
        hash.Add(0);
        foreach (ValueKind kind in results)
            hash.Add((int)kind);
        _hash = hash.ToHashCode();
    }

    /// <summary>Types of the parameters, the first first.</summary>
    public ImmutableArray<ValueKind> Parameters { get; }

    /// <summary>Types of the results, the first first.</summary>
    public ImmutableArray<ValueKind> Results { get; }

    /// <inheritdoc/>
    public bool Equals(FunctionType? other) =>
        ReferenceEquals(this, other)
        || (other is not null
            && _hash == other._hash
            && Parameters.AsSpan().SequenceEqual(other.Parameters.AsSpan())
            && Results.AsSpan().SequenceEqual(other.Results.AsSpan()));

    /// <inheritdoc/>
    public override int GetHashCode() => _hash;

    /// <summary>The signature as the text format writes it, such as <c>(i32 i64) -> (f32)</c>.</summary>
    public override string ToString() => $"({Names(Parameters)}) -> ({Names(Results)})";

    private static string Names(ImmutableArray<ValueKind> kinds) =>
        string.Join(' ', kinds.Select(kind => kind.ToString().ToLowerInvariant()));
}
