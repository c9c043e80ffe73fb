namespace Stoa.Market;

/// <summary>One keyset page of a list, stable under writes.</summary>
/// <param name="Items">At most as many as were asked for.</param>
/// <param name="NextCursor">Opaque; null on the last page.</param>
public sealed record Page<T>(IReadOnlyList<T> Items, string? NextCursor);

/// <summary>What part of a list is wanted.</summary>
/// <param name="Limit">1 to 200 items.</param>
/// <param name="Cursor">The <see cref="Page{T}.NextCursor"/> of the page before, or null for the first.</param>
public sealed record PageRequest(int Limit = 50, string? Cursor = null);
