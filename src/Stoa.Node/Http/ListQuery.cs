using System.ComponentModel;
using Microsoft.AspNetCore.Mvc;
using Stoa.Client.Contracts;
using Stoa.Market;

namespace Stoa.Node.Http;

/// <summary>The parameters that every list takes; use it as an <c>[AsParameters]</c> parameter.</summary>
/// <remarks>Properties, not a primary constructor: the generator of request delegates writes the types of constructor parameters as they are, and <c>typeof(string?)</c> is none.</remarks>
public sealed record ListQuery
{
    /// <summary>Most items of a page.</summary>
    public const int LimitMax = 200;

    private const int CursorLengthMax = 1024;

    [FromQuery(Name = "limit"), Description("How many items the page has at most, 1 to 200; 50 when left out.")]
    public int? Limit { get; init; }

    [FromQuery(Name = "cursor"), Description("The nextCursor of the page before; left out for the first page.")]
    public string? Cursor { get; init; }

    /// <summary>What part of the list is wanted.</summary>
    /// <exception cref="RequestRefusedException">A parameter is out of range.</exception>
    public PageRequest ToPage()
    {
        if (Limit is < 1 or > LimitMax)
            throw Refused($"The parameter limit is a whole number from 1 to {LimitMax}.");
        if (Cursor is { Length: 0 or > CursorLengthMax })
            throw Refused("The parameter cursor is the nextCursor of the page before, unchanged.");
        return Limit is { } limit ? new PageRequest(limit, Cursor) : new PageRequest(Cursor: Cursor);
    }

    /// <summary>Answers a page.</summary>
    public static ListResponse<TContract> Answer<T, TContract>(Page<T> page, Func<T, TContract> toContract) =>
        new([.. page.Items.Select(toContract)], page.NextCursor);

    private static RequestRefusedException Refused(string reason) =>
        new(RequestRefusal.RequestInvalid, errors: [new FieldError("", reason)]);
}
