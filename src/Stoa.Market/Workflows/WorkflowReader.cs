using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Market.Workflows;

/// <summary>Reads the document of a workflow and says everything that is wrong with its form at once; what its nodes read of each other, <see cref="WorkflowCheck"/> looks at.</summary>
/// <remarks>Unknown and repeated members are refused: a misspelt policy must not silently become a default.</remarks>
public sealed partial class WorkflowReader
{
    private const int MaxJsonDepth = 64;

    // Ten for each node.
    private const int MaxValues = 10 * Workflow.MaxNodes;
    private const int MaxDescriptionLength = 1_000;
    private const int MaxListed = 10_000;
    private const int MaxTurns = 1_000;
    private const int MaxParallel = 1_000;
    private const int DefaultParallel = 16;
    private const int MaxBranches = 64;
    private const int MaxFallbacks = 8;
    private const int MaxApprovers = 32;
    private const string Documents = "workflows";
    private const string ItemRule = "1 to 64 letters, digits and underscores, a letter first, and none of " + ScopeNames.All;

    private static readonly TimeSpan s_longest = TimeSpan.FromDays(366);
    private static readonly string[] s_kinds = ["task", "model", "map", "reduce", "choose", "loop", "wait", "approval", "workflow"];
    private static readonly string[] s_references = ["name", "digest"];
    private static readonly JsonElement s_nothing = JsonElement.Parse("{}");
    private static readonly Workflow s_none = new("none", "", null, WorkflowLimits.None, WorkflowGraph.Empty);
    private static readonly string[] s_waits = ["for", "until", "event"];

    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly WorkflowDocuments _documents;
    private readonly IReadOnlyList<string> _within;
    private readonly ICollection<WorkflowReference> _missing;
    private int _nodes;

    /// <param name="documents">Those that it may use.</param>
    /// <param name="within">Names of those that use it, from the outermost; empty for the one that is run.</param>
    /// <param name="missing">Gets those that are used and are not there.</param>
    private WorkflowReader(WorkflowDocuments documents, IReadOnlyList<string> within, ICollection<WorkflowReference> missing) =>
        (_documents, _within, _missing) = (new WorkflowDocuments(documents), within, missing);

    /// <summary>The workflow, or <see cref="WorkflowRefusal.WorkflowInvalid"/> with every reason.</summary>
    /// <param name="json">UTF-8.</param>
    public static Outcome<Workflow, WorkflowRefusal> Read(ReadOnlyMemory<byte> json) =>
        ReadWith(json, new Dictionary<string, ReadOnlyMemory<byte>>()).TryGet(out var whole, out var refusal) ? whole.Workflow : refusal;

    /// <summary>The workflow with those that it uses, or <see cref="WorkflowRefusal.WorkflowInvalid"/> with every reason.</summary>
    /// <param name="json">UTF-8.</param>
    /// <param name="beside">Documents that it may use beside those that it brings along, by what it calls them: UTF-8. Not all of them need be used.</param>
    public static Outcome<WholeWorkflow, WorkflowRefusal> ReadWith(ReadOnlyMemory<byte> json, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> beside) => ReadWith(json, beside, new List<WorkflowReference>());

    /// <param name="json">UTF-8.</param>
    /// <param name="beside">Documents that it may use, by what it calls them.</param>
    /// <param name="missing">Gets those that are used and are not there.</param>
    internal static Outcome<WholeWorkflow, WorkflowRefusal> ReadWith(ReadOnlyMemory<byte> json, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> beside, ICollection<WorkflowReference> missing)
    {
        ArgumentNullException.ThrowIfNull(beside);
        var size = beside.Values.Aggregate((long)json.Length, (sum, document) => sum + document.Length);
        if (size > Workflow.MaxBytes)
            return Refused([new FieldError("", $"The document has {size:N0} bytes{(beside.Count > 0 ? " with those that are given beside it" : "")}; at most {Workflow.MaxBytes:N0} are read.")]);
        if (beside.Count > WorkflowDocuments.MaxCount)
            return Refused([new FieldError("", $"At most {WorkflowDocuments.MaxCount} documents are given beside one.")]);
        var pointer = "";
        try
        {
            var values = 0;
            var given = new WorkflowDocuments(null);
            foreach (var (name, document) in beside)
            {
                pointer = $"/{Documents}/{JsonFields.Escape(name)}";
                if (!WorkflowReference.TryParse(name, null, out _))
                    return Refused([new FieldError($"/{Documents}", $"What a document is called by must be {WorkflowReference.Form}.")]);
                given.Add(name, Parse(document, ref values), pointer);
            }

            pointer = "";
            var root = new JsonFields(Parse(json, ref values));
            if (values > MaxValues)
                return Refused([new FieldError("", $"At most {MaxValues:N0} values are read of a document.")]);
            var workflow = new WorkflowReader(given, [], missing).ReadWorkflow(root);
            return root.Errors.Count == 0 ? new WholeWorkflow(workflow, WithDocuments(json, given)) : Refused(root.Errors);
        }
        catch (JsonException e)
        {
            return Refused([new FieldError(pointer, $"The document is not JSON: {e.Message}")]);
        }
        catch (InvalidOperationException)
        {
            // The parser lets the escape through; only reading the text finds that it is none.
            return Refused([new FieldError(pointer, "A text is not Unicode: half of a surrogate pair is alone.")]);
        }
    }

    /// <summary>What a document is called by wherever it is kept: SHA-256 of it with its members in their order and no spaces between.</summary>
    public static ContentHash DigestOf(JsonElement document) => ContentHash.Of(SignedJson.Written(document.WriteTo));

    internal static Refusal<WorkflowRefusal> Refused(IReadOnlyList<FieldError> errors) =>
        new(WorkflowRefusal.WorkflowInvalid, $"The workflow has {errors.Count} fault(s): mend what is listed in errors.", errors);

    // Not pooled: constants are parts of it as long as the workflow lives. What has too many values is not made objects of.
    private static JsonElement Parse(ReadOnlyMemory<byte> json, ref int values)
    {
        values += PortSchema.CountValues(json.Span);
        return values > MaxValues ? s_nothing : JsonElement.Parse(json.Span, new JsonDocumentOptions { MaxDepth = MaxJsonDepth, AllowDuplicateProperties = false });
    }

    /// <summary>The document with those that it uses and that were given beside it: read alone it is the same workflow.</summary>
    private static ReadOnlyMemory<byte> WithDocuments(ReadOnlyMemory<byte> json, WorkflowDocuments given)
    {
        var used = given.Used.ToList();
        if (used.Count == 0)
            return json;
        var root = JsonElement.Parse(json.Span);
        return SignedJson.Written(writer =>
        {
            writer.WriteStartObject();
            foreach (var member in root.EnumerateObject().Where(member => member.Name != Documents))
                member.WriteTo(writer);
            writer.WriteStartObject(Documents);
            if (root.TryGetProperty(Documents, out var own) && own.ValueKind is JsonValueKind.Object)
            {
                foreach (var member in own.EnumerateObject())
                    member.WriteTo(writer);
            }

            foreach (var (name, document) in used)
            {
                writer.WritePropertyName(name);
                document.WriteTo(writer);
            }

            writer.WriteEndObject();
            writer.WriteEndObject();
        });
    }

    private Workflow ReadWorkflow(JsonFields root)
    {
        foreach (var (name, fields) in root.Named(Documents, WorkflowDocuments.MaxCount))
        {
            if (!WorkflowReference.TryParse(name, null, out var reference))
                fields.RefuseAll($"What a document is called by must be {WorkflowReference.Form}.");
            else if (_within.Count == 0 && _documents.IsGiven(name))
                fields.RefuseAll($"{name} was also given beside the document: one of them is meant.");
            else if (fields.Whole is { } document && _documents.Add(name, document, fields.Pointer) is var entry && reference.Digest is { } digest && entry.Digest != digest)
                fields.RefuseAll($"This is the document {entry.Digest}.");
        }

        var workflow = new Workflow(
            ManifestReader.ReadName(root),
            root.OptionalText("description", MaxDescriptionLength) ?? "",
            ReadSchema(root),
            root.Has("limits") ? ReadLimits(root.Object("limits")) : WorkflowLimits.None,
            ReadGraph(root, depth: 0, isNeeded: true));
        foreach (var name in _documents.Unused)
            root.Add($"{root.Pointer}/{Documents}/{JsonFields.Escape(name)}", "Nothing uses it.");
        root.RefuseUnknown();
        return workflow;
    }

    /// <summary>Another workflow, by what it is called.</summary>
    private Workflow ReadUsed(JsonFields fields)
    {
        string[] kinds = [.. s_references.Where(fields.Has)];
        if (kinds.Length != 1)
            fields.RefuseAll("A workflow is called either by its name or by its digest.");
        var reference = kinds switch
        {
            ["name"] => fields.Parsed<WorkflowReference>("name", WorkflowReference.Form) is { Digest: null } named ? named : null,
            ["digest"] => fields.Parsed<WorkflowReference>("digest", "the digest of a document: sha256: and 64 lower-case hex digits") is { Digest: not null } hashed ? hashed : null,
            _ => null,
        };
        if (reference is null)
            return s_none;
        if (_documents.Find(reference) is not { } entry)
        {
            _missing.Add(reference);
            fields.Refuse(kinds[0], $"a workflow that is there, and {reference} is not: bring it along under {Documents}");
            return s_none;
        }

        IReadOnlyList<string> path = [.. _within, entry.Name];
        if (entry.IsOpen)
        {
            var circle = path.Skip(path.Index().First(each => each.Item == entry.Name).Index).ToList();
            fields.RefuseAll($"Workflows use each other in a circle: {string.Join(", ", circle.SkipLast(1).Select((name, index) => $"{name} uses {circle[index + 1]}"))}. Take one of these out.");
            return s_none;
        }

        entry.IsUsed = true;
        if (path.Count + (entry.Workflow?.Levels ?? 0) > Workflow.MaxUses)
        {
            fields.RefuseAll($"Workflows use each other at most {Workflow.MaxUses} levels deep.");
            return s_none;
        }

        if (entry.Workflow is null)
        {
            entry.IsOpen = true;
            entry.Workflow = new WorkflowReader(entry.Around, path, _missing).ReadWorkflow(fields.Elsewhere(entry.Document, entry.Pointer));
            entry.IsOpen = false;
        }

        return entry.Workflow;
    }

    private static string? ReadSchema(JsonFields root)
    {
        if (root.Raw("input") is not { } schema)
            return null;
        foreach (var error in PortSchema.Check(schema))
            root.Refuse("input" + error.Pointer, error.Reason);
        return schema;
    }

    private static WorkflowLimits ReadLimits(JsonFields fields)
    {
        var limits = new WorkflowLimits(
            fields.Has("steps") ? fields.Number("steps", 1, Workflow.MostSteps) : null,
            Price(fields, "price"),
            Duration(fields, "time"));
        fields.RefuseUnknown();
        return limits;
    }

    private WorkflowGraph ReadGraph(JsonFields fields, int depth, bool isNeeded = false)
    {
        if (depth > Workflow.MaxDepth)
        {
            _ = fields.Has("output");
            if (fields.Has("nodes"))
                fields.Refuse("nodes", $"no more than {Workflow.MaxDepth} levels deep in other nodes");
            return WorkflowGraph.Empty;
        }

        var named = fields.Named("nodes", Workflow.MaxNodes);
        _nodes += named.Count;
        if (_nodes > Workflow.MaxNodes)
        {
            fields.Refuse("nodes", $"no more than {Workflow.MaxNodes} in all");
            return WorkflowGraph.Empty;
        }

        if (isNeeded && named.Count == 0)
            fields.Refuse("nodes", "an object with at least one node, such as { \"page\": { \"task\": … } }");
        return new WorkflowGraph([.. named.Select(one => ReadNode(one.Name, one.Fields, depth))], Template(fields, "output"));
    }

    private WorkflowNode ReadNode(string name, JsonFields fields, int depth)
    {
        if (!NamePattern().IsMatch(name))
            fields.RefuseAll("The name of a node has 1 to 64 letters, digits and underscores, a letter first.");
        else if (!_names.Add(name))
            fields.RefuseAll($"There are two nodes {name}: names are those of the whole document, those within nodes too.");
        var kinds = s_kinds.Where(fields.Has).ToList();
        if (kinds.Count != 1)
            fields.RefuseAll($"A node has exactly one of {string.Join(", ", s_kinds)}; this one has {(kinds.Count == 0 ? "none" : string.Join(" and ", kinds))}.");
        var work = kinds.Count == 0 ? new WorkflowWork.Choose([]) : ReadWork(kinds[0], fields, depth);
        var isTried = work is WorkflowWork.RunTask or WorkflowWork.AskModel;
        var node = new WorkflowNode(name, fields.Pointer, work)
        {
            When = Template(fields, "when"),
            After = fields.Texts("after", 0, Workflow.MaxNodes, text => NamePattern().IsMatch(text), "the name of a node"),
            Timeout = Duration(fields, "timeout"),
            Retry = fields.Has("retry") ? ReadRetry(fields.Object("retry")) : RetryTerms.Once,
            OnFailure = fields.Has("onFailure") ? fields.OneOf<OnNodeFailure>("onFailure") : OnNodeFailure.Fail,
            Fallbacks = fields.Objects("fallbacks", MaxFallbacks, fallback => ReadStep(fallback, "a fallback")),
            Compensation = fields.Has("compensate") ? ReadStep(fields.Object("compensate"), "what undoes a node") : null,
        };
        if (!isTried && kinds.Count == 1 && (node.Retry.Attempts > 1 || node.Fallbacks.Count > 0))
            fields.RefuseAll($"Only a task or a model is tried again; of a {kinds[0]} say it of the nodes within.");
        fields.RefuseUnknown();
        return node;
    }

    /// <summary>A task or a model on its own.</summary>
    private static WorkflowWork ReadStep(JsonFields fields, string what)
    {
        WorkflowWork work = fields.Has("model") ? ReadModel(fields) : ReadTask(fields);
        if (fields.Has("task") == fields.Has("model"))
            fields.RefuseAll($"Either task or model: one of them is {what}.");
        fields.RefuseUnknown();
        return work;
    }

    private WorkflowWork ReadWork(string kind, JsonFields node, int depth) => kind switch
    {
        "task" => ReadTask(node),
        "model" => ReadModel(node),
        "choose" => new WorkflowWork.Choose(node.Objects("choose", MaxBranches, branch => ReadBranch(branch, depth), least: 1)),
        _ => ReadComposite(kind, node.Object(kind), depth),
    };

    private static WorkflowWork.RunTask ReadTask(JsonFields node) => new(NeededTemplate(node, "task", JsonValueKind.Object, "the body of POST /api/v1/tasks, with expressions in its texts"));

    private static WorkflowWork.AskModel ReadModel(JsonFields node)
    {
        var request = NeededTemplate(node, "model", JsonValueKind.Object, "the body of POST /v1/chat/completions, with expressions in its texts");
        return new WorkflowWork.AskModel(request, Price(node, "maxPrice"));
    }

    private WorkflowWork ReadComposite(string kind, JsonFields fields, int depth)
    {
        WorkflowWork work = kind switch
        {
            "map" => new WorkflowWork.Map(
                NeededTemplate(fields, "over"), Item(fields), (int)fields.Number("most", 1, MaxListed), fields.Has("parallel") ? (int)fields.Number("parallel", 1, MaxParallel) : DefaultParallel,
                ReadGraph(fields, depth + 1)),
            "reduce" => new WorkflowWork.Reduce(NeededTemplate(fields, "over"), Item(fields), (int)fields.Number("most", 1, MaxListed), NeededTemplate(fields, "initial"), ReadBody(fields, depth)),
            "loop" => new WorkflowWork.Loop((int)fields.Number("most", 1, MaxTurns), NeededTemplate(fields, "initial"), NeededTemplate(fields, "while"), ReadBody(fields, depth)),
            "wait" => ReadWait(fields),
            "workflow" => new WorkflowWork.UseWorkflow(Template(fields, "input") ?? JsonTemplate.EmptyObject, ReadUsed(fields)),
            _ => new WorkflowWork.Approval(NeededTemplate(fields, "text"), fields.Texts("by", 0, MaxApprovers, Names.IsHandle, "the handle of a user")),
        };
        fields.RefuseUnknown();
        return work;
    }

    /// <summary>A body whose output goes on to the next turn.</summary>
    private WorkflowGraph ReadBody(JsonFields fields, int depth)
    {
        if (!fields.IsNamed("output"))
            fields.Refuse("output", "what the next turn gets");
        return ReadGraph(fields, depth + 1);
    }

    private Branch ReadBranch(JsonFields fields, int depth)
    {
        var branch = new Branch(Template(fields, "when"), ReadGraph(fields, depth + 1));
        fields.RefuseUnknown();
        return branch;
    }

    private static WorkflowWork.Wait ReadWait(JsonFields fields)
    {
        var name = fields.Has("event") ? fields.Text("event", text => NamePattern().IsMatch(text), "1 to 64 letters, digits and underscores, a letter first") : null;
        var wait = new WorkflowWork.Wait(Duration(fields, "for"), Template(fields, "until"), name);
        if (s_waits.Count(fields.Has) != 1)
            fields.RefuseAll("A wait has exactly one of for, until and event.");
        return wait;
    }

    private static RetryTerms ReadRetry(JsonFields fields)
    {
        var once = RetryTerms.Once;
        var terms = new RetryTerms(
            (int)fields.Number("attempts", 1, RetryTerms.MaxAttempts),
            Duration(fields, "delay") ?? once.Delay,
            fields.Has("factor") ? fields.Thousandths("factor", 1_000, 10_000) / 1_000.0 : once.Factor,
            Duration(fields, "maxDelay") ?? once.MaxDelay);
        fields.RefuseUnknown();
        return terms;
    }

    private static string Item(JsonFields fields) =>
        fields.Has("as") ? fields.Text("as", text => NamePattern().IsMatch(text) && !ScopeNames.IsReserved(text), ItemRule) : ScopeNames.Item;

    private static Money? Price(JsonFields fields, string name)
    {
        if (!fields.Has(name))
            return null;
        var price = Money.Zero;
        fields.Text(name, text => Money.TryParse(text, null, out price) && price >= Money.Zero, "an amount in USD as a text, such as \"0.50\"");
        return price;
    }

    private static TimeSpan? Duration(JsonFields fields, string name)
    {
        if (!fields.Has(name))
            return null;
        var length = TimeSpan.Zero;
        fields.Text(name, text => TryDuration(text, out length), $"a whole number and ms, s, m, h or d, such as 30s, and at most {s_longest.TotalDays:F0}d");
        return length;
    }

    private static bool TryDuration(string text, out TimeSpan length)
    {
        length = default;
        var match = DurationPattern().Match(text);
        if (!match.Success)
            return false;
        var number = long.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        var unit = match.Groups[2].Value switch
        {
            "ms" => TimeSpan.FromMilliseconds(1),
            "s" => TimeSpan.FromSeconds(1),
            "m" => TimeSpan.FromMinutes(1),
            "h" => TimeSpan.FromHours(1),
            _ => TimeSpan.FromDays(1),
        };
        if (number == 0 || number > s_longest.Ticks / unit.Ticks)
            return false;
        length = number * unit;
        return true;
    }

    private static JsonTemplate NeededTemplate(JsonFields fields, string name, JsonValueKind? kind = null, string mustBe = "a value, or an expression such as ${input.urls}")
    {
        var element = fields.Element(name);
        if (element is null || (kind is not null && element.Value.ValueKind != kind))
            fields.Refuse(name, mustBe);
        return Template(fields, name) ?? JsonTemplate.Null;
    }

    private static JsonTemplate? Template(JsonFields fields, string name) => fields.Element(name) is { } element ? JsonTemplate.Read(element, $"{fields.Pointer}/{name}", fields) : null;

    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9_]{0,63}\z", RegexOptions.CultureInvariant)]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"^([0-9]{1,10})(ms|s|m|h|d)\z", RegexOptions.CultureInvariant)]
    private static partial Regex DurationPattern();
}
