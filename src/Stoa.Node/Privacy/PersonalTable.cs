namespace Stoa.Node.Privacy;

/// <summary>A table with rows that are about a person.</summary>
/// <param name="Name">The table, and what its rows are called in an export.</param>
/// <param name="Key">What orders its rows, as text, and is another one in each.</param>
/// <param name="Where">Which rows are about the person with the id <c>@user</c>; of rows that hang on others, <c>@ids</c>.</param>
/// <param name="Columns">What is exported: names of columns with blanks between them. <c>hex:name</c> are bytes, <c>text:name</c> bytes that are text. Secrets are left out.</param>
internal sealed record PersonalTable(string Name, string Key, string Where, string Columns)
{
    /// <summary>What erasure does with its rows. Parts that do not say go with the table that they hang on.</summary>
    public OnErasure? OnErasure { get; init; }

    /// <summary>How many rows are read at once.</summary>
    public int PageSize { get; init; } = 500;

    /// <summary>Tables whose rows hang on the rows of this one, by its key.</summary>
    public IReadOnlyList<PersonalTable> Parts { get; init; } = [];

    /// <summary>The rows behind a key, each with its key and as JSON.</summary>
    public string ToQuery() =>
        $"SELECT {Key} AS k, {Json()} AS j FROM {Name} WHERE ({Where}) AND {Key} > @after ORDER BY {Key} LIMIT @limit";

    /// <summary>The columns of its key, with commas between.</summary>
    public string KeyColumns => Key.Replace(" || ' ' || ", ", ", StringComparison.Ordinal);

    /// <summary>The rows that hang on some others.</summary>
    public string ToPartQuery() => $"SELECT {Key} AS k, {Json()} AS j FROM {Name} WHERE {Where} ORDER BY {Key}";

    private string Json() =>
        $"CAST({{if sqlite}}json_object{{end}}{{if postgres}}json_build_object{{end}}({string.Join(", ", Columns.Split(' ').Select(Member))}) AS TEXT)";

    private static string Member(string column) => column.Split(':') switch
    {
        ["hex", var bytes] => $"'{bytes}', {{if sqlite}}lower(hex({bytes})){{end}}{{if postgres}}encode({bytes}, 'hex'){{end}}",
        ["text", var bytes] => $"'{bytes}', {{if sqlite}}CAST({bytes} AS TEXT){{end}}{{if postgres}}convert_from({bytes}, 'UTF8'){{end}}",
        _ => $"'{column}', {column}",
    };
}

/// <summary>A table that is not exported row by row.</summary>
/// <param name="Why">Why not.</param>
/// <param name="OnErasure">What erasure does with what it holds about a person.</param>
internal sealed record OtherTable(string Why, OnErasure OnErasure);
