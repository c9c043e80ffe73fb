using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Stoa.Market.Inference.OpenAi;

/// <summary>A request of OpenAI's API, read as far as a gateway must: which model, how much it may come to, and how it is answered. All else goes on as it came.</summary>
/// <remarks>
/// Members that decide something here may be there only once: readers differ in which of two they take, and nobody may have one model checked and paid for and another one asked.
/// </remarks>
public sealed class InferenceRequest
{
    /// <summary>The most choices of an answer.</summary>
    public const int MostChoices = 128;

    private const int MaxDepth = 64;
    private const int MostPrompts = 2_048;
    // About what the vision models of today make of a picture.
    private const int TokensOfData = 1_024;

    private static readonly JsonReaderOptions s_json = new() { MaxDepth = MaxDepth };

    private readonly ReadOnlyMemory<byte> _body;
    private readonly Members _members;

    private InferenceRequest(InferenceKind kind, ReadOnlyMemory<byte> body, Members members)
    {
        (Kind, _body, _members) = (kind, body, members);
        Model = members.ModelName!;
        var prompts = kind is InferenceKind.Completion ? members.Prompts : 1;
        Choices = Math.Max(members.N ?? 1, members.BestOf ?? 1) * prompts;
        ShownChoices = (members.N ?? 1) * prompts;
    }

    /// <summary>Which endpoint.</summary>
    public InferenceKind Kind { get; }

    /// <summary>What it names as its model.</summary>
    public string Model { get; }

    /// <summary>Whether the answer comes as a stream of events.</summary>
    public bool IsStream => _members.IsStream;

    /// <summary>Whether the client wants to see at the end of the stream what was used.</summary>
    public bool WantsUsage => _members.WantsUsage;

    /// <summary>The most tokens of a choice; null when the client leaves it open.</summary>
    public long? MaxTokens => _members.MaxTokens;

    /// <summary>How many choices the model writes, those of several prompts together.</summary>
    public long Choices { get; }

    /// <summary>How many of these the answer has.</summary>
    public long ShownChoices { get; }

    /// <summary>Tokens of what it has to read, as they are counted here.</summary>
    public long InputTokens => _members.InputTokens;

    /// <summary>Whether it names pictures, sound or films by where they are and not as data: the model's server would fetch them.</summary>
    public bool NamesAddresses => _members.NamesAddresses;

    /// <summary>All of it, as it came.</summary>
    public ReadOnlyMemory<byte> Body => _body;

    /// <summary>The bytes of what it has to read, from the first message on.</summary>
    public ReadOnlyMemory<byte> Prompt => _body[_members.Prompt];

    /// <summary>Reads a request.</summary>
    /// <param name="kind">Which endpoint it came to.</param>
    /// <param name="body">JSON; not copied.</param>
    /// <param name="request">What it says.</param>
    /// <param name="fault">What is wrong with it.</param>
    public static bool TryRead(InferenceKind kind, ReadOnlyMemory<byte> body, [NotNullWhen(true)] out InferenceRequest? request, [NotNullWhen(false)] out RequestFault? fault)
    {
        request = null;
        fault = null;
        var members = new Members();
        try
        {
            fault = members.Read(kind, body.Span);
        }
        catch (JsonException broken)
        {
            fault = new RequestFault(null, $"The body is no JSON that can be read: {broken.Message}");
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair in a string that is read.
            fault = new RequestFault(null, "The body has text in it that is no Unicode.");
        }

        if (fault is null)
            request = new InferenceRequest(kind, body, members);
        return request is not null;
    }

    /// <summary>The request as a backend gets it.</summary>
    /// <param name="model">What the model is called there.</param>
    /// <param name="maxTokens">The most tokens of a choice; null to leave it open where the client has.</param>
    /// <param name="isNameless">Whether what tells who asks is left out: <c>user</c>, <c>safety_identifier</c>, <c>prompt_cache_key</c> and <c>metadata</c> become null.</param>
    public byte[] Rewrite(string model, long? maxTokens, bool isNameless = false)
    {
        var edits = new List<Edit>(3) { new(_members.Model, [(byte)'"', .. JsonEncodedText.Encode(model).EncodedUtf8Bytes, (byte)'"']) };
        var front = _members.Open + 1;
        // By its older name, which every server knows: some do not heed the newer one.
        if (!_members.HasMaxTokens && maxTokens is { } most && Kind is not InferenceKind.Embedding)
        {
            var number = Encoding.UTF8.GetBytes(most.ToString(CultureInfo.InvariantCulture));
            edits.Add(_members.NoMaxTokens is { } nothing ? new Edit(nothing, number) : new Edit(front..front, [.. "\"max_tokens\":"u8, .. number, (byte)',']));
        }

        // A gateway needs to know what was used, whether the client wants to or not.
        if (IsStream && !WantsUsage)
            edits.Add(_members.UsageEdit ?? new Edit(front..front, "\"stream_options\":{\"include_usage\":true},"u8.ToArray()));

        if (isNameless && _members.Personal is { } personal)
            edits.AddRange(personal.Select(range => new Edit(range, "null"u8.ToArray())));
        edits.Sort((one, other) => one.Range.Start.Value.CompareTo(other.Range.Start.Value));
        return Apply(_body.Span, edits);
    }

    private static byte[] Apply(ReadOnlySpan<byte> source, List<Edit> edits)
    {
        var length = source.Length;
        foreach (var edit in edits)
            length += edit.Text.Length - (edit.Range.End.Value - edit.Range.Start.Value);
        var (copy, written, taken) = (new byte[length], 0, 0);
        foreach (var edit in edits)
        {
            var kept = source[taken..edit.Range.Start.Value];
            kept.CopyTo(copy.AsSpan(written));
            edit.Text.CopyTo(copy, written + kept.Length);
            written += kept.Length + edit.Text.Length;
            taken = edit.Range.End.Value;
        }

        source[taken..].CopyTo(copy.AsSpan(written));
        return copy;
    }

    private readonly record struct Edit(Range Range, byte[] Text);

    /// <summary>What was found.</summary>
    private sealed class Members
    {
        private const string Duplicate = "It is there twice.";
        private const int LongestName = 256;

        private static readonly HashSet<string> s_deciding = new(
            ["model", "messages", "prompt", "input", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n", "best_of", "suffix", "tools", "functions", "response_format"],
            StringComparer.OrdinalIgnoreCase);

        private bool _hasPrompt;
        private bool _hasStream;

        public int Open { get; private set; }

        public Range Model { get; private set; }

        public string? ModelName { get; private set; }

        public bool IsStream { get; private set; }

        /// <summary>What has to be written into the options of the stream, so that the backend says what was used; null where there are none.</summary>
        public Edit? UsageEdit { get; private set; }

        public bool WantsUsage { get; private set; }

        public long? MaxTokens { get; private set; }

        /// <summary>Whether the limit is said by the older name.</summary>
        public bool HasMaxTokens { get; private set; }

        /// <summary>Where it is said that there is no limit to the tokens of an answer.</summary>
        public Range? NoMaxTokens { get; private set; }

        public long? N { get; private set; }

        public long? BestOf { get; private set; }

        public Range Prompt { get; private set; }

        /// <summary>How many prompts there are in an array of texts, or of tokens.</summary>
        public long Prompts { get; private set; } = 1;

        public long InputTokens { get; private set; }

        public bool NamesAddresses { get; private set; }

        /// <summary>Where values are that tell who asks; null where there are none.</summary>
        public List<Range>? Personal { get; private set; }

        public RequestFault? Read(InferenceKind kind, ReadOnlySpan<byte> body)
        {
            var json = new Utf8JsonReader(body, s_json);
            if (!json.Read() || json.TokenType is not JsonTokenType.StartObject)
                return new RequestFault(null, "The body is a JSON object.");
            Open = (int)json.TokenStartIndex;
            var prompt = kind switch
            {
                InferenceKind.Chat => "messages"u8,
                InferenceKind.Completion => "prompt"u8,
                _ => "input"u8,
            };
            while (json.Read() && json.TokenType is JsonTokenType.PropertyName)
            {
                if (ReadMember(ref json, prompt) is { } fault)
                    return fault;
            }

            // What stands behind the object is an error, which reading on finds.
            while (json.Read())
            {
            }

            if (kind is InferenceKind.Embedding && IsStream)
                return new RequestFault("stream", "Vectors are not streamed.");
            if (ModelName is null)
                return new RequestFault("model", "Name a model: publisher/name, auto, or a route. GET /v1/models lists them.");
            return _hasPrompt ? null : new RequestFault(Encoding.UTF8.GetString(prompt), "It is missing.");
        }

        private RequestFault? ReadMember(ref Utf8JsonReader json, ReadOnlySpan<byte> prompt)
        {
            if (json.ValueTextEquals(prompt))
                return ReadPrompt(ref json, prompt);
            if (json.ValueTextEquals("model"u8))
                return ReadModel(ref json);
            if (json.ValueTextEquals("stream"u8))
                return ReadStream(ref json);
            if (json.ValueTextEquals("stream_options"u8))
                return ReadStreamOptions(ref json);
            if (json.ValueTextEquals("max_tokens"u8))
                return ReadMaxTokens(ref json, "max_tokens");
            if (json.ValueTextEquals("max_completion_tokens"u8))
                return ReadMaxTokens(ref json, "max_completion_tokens");
            if (json.ValueTextEquals("n"u8))
                return ReadChoices(ref json, "n", N, value => N = value);
            if (json.ValueTextEquals("best_of"u8))
                return ReadChoices(ref json, "best_of", BestOf, value => BestOf = value);
            var isRead = json.ValueTextEquals("tools"u8) || json.ValueTextEquals("functions"u8) || json.ValueTextEquals("response_format"u8) || json.ValueTextEquals("suffix"u8);
            if (!isRead && FindDisguised(ref json) is { } disguised)
                return disguised;
            var isPersonal = !isRead && (json.ValueTextEquals("user"u8) || json.ValueTextEquals("safety_identifier"u8) || json.ValueTextEquals("prompt_cache_key"u8) || json.ValueTextEquals("metadata"u8));
            json.Read();
            var start = (int)json.TokenStartIndex;
            if (isRead)
                InputTokens += CountTokens(ref json, withNames: true);
            else
                json.Skip();
            if (isPersonal)
                (Personal ??= []).Add(start..(int)json.BytesConsumed);
            return null;
        }

        /// <summary>Other names of what is counted here, that some servers know and put first; and names that some take for these, since they do not heed the case of letters.</summary>
        private static RequestFault? FindDisguised(ref Utf8JsonReader json)
        {
            if (json.ValueSpan.Length > LongestName)
                return null;
            var name = json.GetString()!;
            if (name is "n_predict" or "num_predict" or "n_cmpl")
                return new RequestFault(name, "It is not taken here: say max_tokens and n.");
            return !Ascii.IsValid(name) || (s_deciding.TryGetValue(name, out var known) && known != name)
                ? new RequestFault(name, "Names of members are as OpenAI's API has them: letters of ASCII, small ones.")
                : null;
        }

        private RequestFault? ReadPrompt(ref Utf8JsonReader json, ReadOnlySpan<byte> name)
        {
            if (_hasPrompt)
                return new RequestFault(Encoding.UTF8.GetString(name), Duplicate);
            _hasPrompt = true;
            json.Read();
            var start = (int)json.TokenStartIndex;
            if (json.TokenType is not (JsonTokenType.StartArray or JsonTokenType.String))
                return new RequestFault(Encoding.UTF8.GetString(name), "A text or an array is expected.");
            var counting = json;
            if (json.TokenType is JsonTokenType.StartArray)
                Prompts = CountPrompts(ref counting);
            if (Prompts > MostPrompts)
                return new RequestFault(Encoding.UTF8.GetString(name), $"At most {MostPrompts:N0} are taken in one request.");
            InputTokens += CountTokens(ref json, withNames: false);
            Prompt = start..(int)json.BytesConsumed;
            return null;
        }

        private RequestFault? ReadModel(ref Utf8JsonReader json)
        {
            if (ModelName is not null)
                return new RequestFault("model", Duplicate);
            json.Read();
            if (json.TokenType is not JsonTokenType.String || json.ValueSpan.Length > ModelAddress.MaxLength)
                return new RequestFault("model", $"A name of at most {ModelAddress.MaxLength} characters is expected.");
            ModelName = json.GetString();
            Model = (int)json.TokenStartIndex..(int)json.BytesConsumed;
            return null;
        }

        private RequestFault? ReadStream(ref Utf8JsonReader json)
        {
            if (_hasStream)
                return new RequestFault("stream", Duplicate);
            _hasStream = true;
            json.Read();
            if (json.TokenType is not (JsonTokenType.True or JsonTokenType.False or JsonTokenType.Null))
                return new RequestFault("stream", "true or false is expected.");
            IsStream = json.TokenType is JsonTokenType.True;
            return null;
        }

        private RequestFault? ReadStreamOptions(ref Utf8JsonReader json)
        {
            if (UsageEdit is not null)
                return new RequestFault("stream_options", Duplicate);
            json.Read();
            var (start, inside) = ((int)json.TokenStartIndex, (int)json.BytesConsumed);
            if (json.TokenType is JsonTokenType.Null)
            {
                UsageEdit = new Edit(start..inside, "{\"include_usage\":true}"u8.ToArray());
                return null;
            }

            if (json.TokenType is not JsonTokenType.StartObject)
                return new RequestFault("stream_options", "An object is expected.");
            Edit? usage = null;
            var isEmpty = true;
            while (json.Read() && json.TokenType is JsonTokenType.PropertyName)
            {
                isEmpty = false;
                var isUsage = json.ValueTextEquals("include_usage"u8);
                if (isUsage && usage is not null)
                    return new RequestFault("stream_options.include_usage", Duplicate);
                json.Read();
                var value = (int)json.TokenStartIndex;
                if (isUsage)
                    WantsUsage = json.TokenType is JsonTokenType.True;
                json.Skip();
                if (isUsage)
                    usage = new Edit(value..(int)json.BytesConsumed, "true"u8.ToArray());
            }

            UsageEdit = usage ?? new Edit(inside..inside, isEmpty ? "\"include_usage\":true"u8.ToArray() : "\"include_usage\":true,"u8.ToArray());
            return null;
        }

        private RequestFault? ReadMaxTokens(ref Utf8JsonReader json, string name)
        {
            if (MaxTokens is not null || (NoMaxTokens is not null && name == "max_tokens"))
                return new RequestFault(name, "The most tokens of an answer are said twice: max_completion_tokens is the newer name of max_tokens.");
            json.Read();
            if (json.TokenType is JsonTokenType.Null)
            {
                if (name == "max_tokens")
                    NoMaxTokens = (int)json.TokenStartIndex..(int)json.BytesConsumed;
                return null;
            }

            if (json.TokenType is not JsonTokenType.Number || !json.TryGetInt64(out var most) || most is < 1 or > int.MaxValue)
                return new RequestFault(name, "A whole number from 1 on is expected.");
            MaxTokens = most;
            HasMaxTokens |= name == "max_tokens";
            return null;
        }

        private static RequestFault? ReadChoices(ref Utf8JsonReader json, string name, long? before, Action<long> set)
        {
            if (before is not null)
                return new RequestFault(name, Duplicate);
            json.Read();
            if (json.TokenType is JsonTokenType.Null)
                return null;
            if (json.TokenType is not JsonTokenType.Number || !json.TryGetInt64(out var value) || value is < 1 or > MostChoices)
                return new RequestFault(name, $"A whole number from 1 to {MostChoices} is expected.");
            set(value);
            return null;
        }

        /// <summary>Counts the texts and arrays in an array; tokens that stand in it by themselves are one prompt.</summary>
        private static long CountPrompts(ref Utf8JsonReader json)
        {
            var (depth, prompts) = (json.CurrentDepth, 0L);
            while (json.Read() && json.CurrentDepth > depth)
            {
                if (json.TokenType is JsonTokenType.String or JsonTokenType.StartArray)
                    prompts++;
                json.Skip();
            }

            return Math.Max(1, prompts);
        }

        /// <summary>Whether a member is where servers look for addresses: <c>url</c>, <c>image_url</c> and the like.</summary>
        private static bool EndsInUrl(ref Utf8JsonReader json) =>
            json.ValueIsEscaped ? json.GetString()!.EndsWith("url", StringComparison.OrdinalIgnoreCase) : json.ValueSpan.Length >= 3 && Ascii.EqualsIgnoreCase(json.ValueSpan[^3..], "url"u8);

        /// <summary>Counts a value, and stands on its end.</summary>
        private long CountTokens(ref Utf8JsonReader json, bool withNames)
        {
            var tokens = CountToken(ref json, withNames, isData: false);
            if (json.TokenType is not (JsonTokenType.StartArray or JsonTokenType.StartObject))
                return tokens;
            var (depth, isData, isAddress) = (json.CurrentDepth, false, false);
            while (json.Read() && json.CurrentDepth > depth)
            {
                tokens += CountToken(ref json, withNames, isData);
                // One that is escaped at its beginning is not taken for data.
                NamesAddresses |= isAddress && json.TokenType is JsonTokenType.String && !json.ValueSpan.StartsWith("data:"u8);
                // Only there do models look for pictures and sound: elsewhere it would be text, however it begins.
                isData = json.TokenType is JsonTokenType.PropertyName && (json.ValueTextEquals("url"u8) || json.ValueTextEquals("data"u8));
                // A schema of a tool may well have such a member.
                isAddress = !withNames && json.TokenType is JsonTokenType.PropertyName && EndsInUrl(ref json);
            }

            return tokens;
        }

        private static long CountToken(ref Utf8JsonReader json, bool withNames, bool isData) => json.TokenType switch
        {
            JsonTokenType.String => isData ? TokensOfData : TokenCount.Of(json.ValueSpan),
            JsonTokenType.PropertyName when withNames => TokenCount.Of(json.ValueSpan) + 2,
            // Prompts may be tokens already.
            JsonTokenType.Number => 1,
            _ => 0,
        };
    }
}

/// <summary>What is wrong with a request.</summary>
/// <param name="Parameter">The member; null for all of it.</param>
/// <param name="Reason">What is wrong, and what would be right.</param>
public sealed record RequestFault(string? Parameter, string Reason);
