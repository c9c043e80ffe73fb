namespace Stoa.Node.Http;

/// <summary>What is the same in every occurrence of a refusal: its row in the table of problems.</summary>
/// <param name="Code">The refusal's name in camelCase.</param>
/// <param name="Status">HTTP status code.</param>
/// <param name="Title">The refusal in a few words.</param>
/// <param name="Explanation">When it happens, for the page that explains it.</param>
/// <param name="Remedy">What to do next.</param>
public sealed record ProblemKind(string Code, int Status, string Title, string Explanation, string Remedy)
{
    /// <summary>How long waiting helps, for the <c>Retry-After</c> header, where it is always as long; null where it does not help or the endpoint knows better.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Path of the page that explains it: the <c>type</c> of the problem details, relative to the node.</summary>
    public string Type => "/problems/" + Code;
}
