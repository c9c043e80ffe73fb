namespace Stoa.Node.Registry.Discovery.Semantic;

/// <summary>A model that makes vectors of texts, by which listings are found whose words are others. Without an address there is none, and search is by words alone.</summary>
public sealed record EmbeddingsOptions
{
    /// <summary>The address of an API as OpenAI's, with its version, such as http://127.0.0.1:8080/v1: llama.cpp, Ollama, vLLM and others have it. Empty for none, the default. Over http: only to this machine.</summary>
    public string Url { get; init; } = "";

    /// <summary>The model that is asked for, such as nomic-embed-text. What changes with it is that all listings are read anew.</summary>
    public string Model { get; init; } = "";

    /// <summary>A file with the key that is sent along as a bearer token; empty for none, the default.</summary>
    public string KeyFile { get; init; } = "";

    /// <summary>How many numbers a vector is asked to have, 16 to 4096, for models that can give fewer; 0, the default, for as many as the model gives. A listing takes as many bytes of memory, and an eighth of that.</summary>
    public int Dimensions { get; init; }

    /// <summary>How long a search waits for what the model makes of its words, in milliseconds; later it is answered by words alone. Default 200.</summary>
    public int QueryMs { get; init; } = 200;

    /// <summary>The most texts of listings that are sent to the model in a minute. Default 6000.</summary>
    public int TextsPerMinute { get; init; } = 6_000;

    /// <summary>The most listings that have a vector; of more those that came first. Default 1000000.</summary>
    public int MaxListings { get; init; } = 1_000_000;

    /// <summary>Whether there is a model.</summary>
    internal bool IsOn => Url.Length > 0;

    /// <summary>Every reason why these options cannot be used; empty when they can.</summary>
    public IEnumerable<string> Validate()
    {
        if (IsOn && (!Uri.TryCreate(Url, UriKind.Absolute, out var address) || !(address.Scheme == Uri.UriSchemeHttps || (address.Scheme == Uri.UriSchemeHttp && address.IsLoopback)) || address.UserInfo.Length > 0 || address.Query.Length > 0))
            yield return "Embeddings:Url is the address of an API such as https://api.example.org/v1, or over http: one of this machine.";
        if (IsOn && Model.Length is 0 or > 256)
            yield return "Embeddings:Model names a model in 1 to 256 characters.";
        if (KeyFile.Length > 0 && !File.Exists(KeyFile))
            yield return "Embeddings:KeyFile is a file that this process can read.";
        if (Dimensions is not 0 and (< 16 or > 4_096))
            yield return "Embeddings:Dimensions is 0, or from 16 to 4096.";
        if (QueryMs is < 1 or > 10_000)
            yield return "Embeddings:QueryMs is from 1 to 10000.";
        if (TextsPerMinute is < 1 or > 1_000_000)
            yield return "Embeddings:TextsPerMinute is from 1 to 1000000.";
        if (MaxListings is < 1 or > 10_000_000)
            yield return "Embeddings:MaxListings is from 1 to 10000000.";
    }
}
