using System.Text.Json;

namespace Stoa.Wasm.Tests.Spec;

/// <summary>Counts of one file of the suite, and what failed in it.</summary>
internal sealed record SpecCounts(string File)
{
    public int Passed { get; set; }

    public List<string> Failures { get; } = [];

    public SortedDictionary<string, int> Skipped { get; } = new(StringComparer.Ordinal);

    public int SkippedCount => Skipped.Values.Sum();

    public void Skip(string reason) => Skipped[reason] = Skipped.GetValueOrDefault(reason) + 1;
}

/// <summary>Runs one converted file of the suite: modules, actions and assertions in their order.</summary>
internal sealed class SpecScript : IDisposable
{
    private const string TextFormat = "text format";

    private readonly Engine _engine;
    private readonly Imports _imports = SpecHost.Imports();
    private readonly Dictionary<string, Instance?> _named = [];
    private readonly List<Instance> _all = [];
    private readonly string _folder;
    private readonly SpecCounts _counts;
    private Instance? _current;

    private SpecScript(string json, SpecCounts counts, BoundsChecks boundsChecks)
    {
        _engine = new Engine(new EngineOptions { CachedModules = 0, BoundsChecks = boundsChecks });
        _folder = Path.GetDirectoryName(json)!;
        _counts = counts;
    }

    public static SpecCounts Run(string name, string json, BoundsChecks boundsChecks)
    {
        var counts = new SpecCounts(name);
        using var script = new SpecScript(json, counts, boundsChecks);
        using var document = JsonDocument.Parse(File.ReadAllBytes(json));
        foreach (var command in document.RootElement.GetProperty("commands").EnumerateArray())
            script.Run(command);
        return counts;
    }

    public void Dispose()
    {
        foreach (var instance in _all)
            instance.Dispose();
    }

    private void Run(JsonElement command)
    {
        string type = command.GetProperty("type").GetString()!;
        bool isAssertion = type.StartsWith("assert_", StringComparison.Ordinal);
        try
        {
            string? problem = Execute(type, command);
            if (problem is null)
                _counts.Passed += isAssertion ? 1 : 0;
            else
                Fail(command, type, problem);
        }
        catch (SkippedException skipped)
        {
            if (isAssertion)
                _counts.Skip(skipped.Message);
        }
        catch (Exception exception)
        {
            Fail(command, type, $"{exception.GetType().Name}: {exception.Message}");
        }
    }

    private void Fail(JsonElement command, string type, string problem) =>
        _counts.Failures.Add($"{_counts.File}.wast:{command.GetProperty("line").GetInt32()} {type}: {problem}");

    private string? Execute(string type, JsonElement command)
    {
        switch (type)
        {
            case "module":
                _current = null;
                string? name = command.TryGetProperty("name", out var given) ? given.GetString() : null;
                if (name is not null)
                    _named[name] = null;
                _current = Instantiate(command);
                if (name is not null)
                    _named[name] = _current;
                return null;
            case "register":
                _imports.AddInstance(command.GetProperty("as").GetString()!, Find(command));
                return null;
            case "action":
                Act(command.GetProperty("action"));
                return null;
            case "assert_return":
                return SpecValues.Difference(Act(command.GetProperty("action")), command.GetProperty("expected"));
            case "assert_trap" or "assert_exhaustion":
                return Traps(command, () => Act(command.GetProperty("action")));
            case "assert_uninstantiable":
                return Traps(command, () => Instantiate(command));
            case "assert_unlinkable":
                return Refuses<LinkException>(command, () => Instantiate(command));
            case "assert_invalid" or "assert_malformed":
                return RefusesModule(command);
            default:
                return "unknown command";
        }
    }

    private static string? Traps(JsonElement command, Action action)
    {
        string expected = command.GetProperty("text").GetString()!;
        try
        {
            action();
            return $"no trap; expected: {expected}";
        }
        catch (TrapException trap)
        {
            // A few expectations say more than the trap does ("uninitialized element 2"), a few say less.
            return expected.StartsWith(trap.Message, StringComparison.Ordinal)
                || trap.Message.StartsWith(expected, StringComparison.Ordinal)
                || (expected == "undefined element" && trap.Code == TrapCode.TableOutOfBounds)
                    ? null
                    : $"'{trap.Message}', expected '{expected}'";
        }
    }

    private static string? Refuses<T>(JsonElement command, Action action)
        where T : Exception
    {
        string expected = command.GetProperty("text").GetString()!;
        try
        {
            action();
            return $"not refused; expected: {expected}";
        }
        catch (T refusal)
        {
            return refusal.Message.StartsWith(expected, StringComparison.Ordinal) ? null : $"'{refusal.Message}', expected '{expected}'";
        }
    }

    // Bodies are validated as they are decoded, so what is both malformed and invalid is refused for what comes first.
    private string? RefusesModule(JsonElement command)
    {
        if (command.GetProperty("module_type").GetString() == "text")
            throw new SkippedException(TextFormat);
        string expected = command.GetProperty("text").GetString()!;
        try
        {
            Compile(command);
            return $"accepted; expected: {expected}";
        }
        catch (InvalidModuleException refusal)
        {
            return refusal.Kind is InvalidModuleKind.Malformed or InvalidModuleKind.Invalid
                ? null
                : $"{refusal.Kind} '{refusal.Message}', expected '{expected}'";
        }
    }

    private Module Compile(JsonElement command) =>
        _engine.Compile(File.ReadAllBytes(Path.Combine(_folder, command.GetProperty("filename").GetString()!)));

    private Instance Instantiate(JsonElement command)
    {
        var instance = Compile(command).Instantiate(_imports);
        _all.Add(instance);
        return instance;
    }

    private Instance Find(JsonElement action)
    {
        var instance = action.TryGetProperty("module", out var name) || action.TryGetProperty("name", out name)
            ? _named[name.GetString()!]
            : _current;
        return instance ?? throw new InvalidOperationException("The module of this command was not accepted.");
    }

    private Value[] Act(JsonElement action)
    {
        var instance = Find(action);
        string field = action.GetProperty("field").GetString()!;
        if (action.GetProperty("type").GetString() == "get")
            return [instance.GetGlobal(field)!.Value];
        var arguments = action.GetProperty("args").EnumerateArray().Select(SpecValues.Parse).ToArray();
        return instance.Invoke(field, arguments);
    }

    private sealed class SkippedException(string reason) : Exception(reason);
}
