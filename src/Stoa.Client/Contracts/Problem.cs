namespace Stoa.Client.Contracts;

/// <summary>A refusal as problem details (RFC 9457).</summary>
/// <param name="Type">Address of the page that explains the code.</param>
/// <param name="Title">The code in words.</param>
/// <param name="Status">HTTP status.</param>
/// <param name="Detail">What happened and what to do next.</param>
/// <param name="Code">The refusal's name in camelCase.</param>
/// <param name="Errors">Every reason at once, with JSON Pointers.</param>
/// <param name="TraceId">To find it in the node's logs and traces.</param>
public sealed record Problem(
    string Type,
    string Title,
    int Status,
    string Detail,
    string Code,
    IReadOnlyList<ProblemError>? Errors = null,
    string? TraceId = null);

/// <summary>One reason, and where.</summary>
/// <param name="Pointer">JSON Pointer (RFC 6901) into the body; empty for the body as a whole, or for a parameter or header.</param>
/// <param name="Reason">What is wrong and what would be right.</param>
public sealed record ProblemError(string Pointer, string Reason);
