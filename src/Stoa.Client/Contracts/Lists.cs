namespace Stoa.Client.Contracts;

/// <summary>One page of a list.</summary>
/// <param name="Items">In the list's order.</param>
/// <param name="NextCursor">Send it as <c>cursor</c> for the next page; null on the last.</param>
public sealed record ListResponse<T>(IReadOnlyList<T> Items, string? NextCursor = null);
