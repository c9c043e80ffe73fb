using System.Text;
using Stoa.Wasm.Text;

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

/// <summary>Runs one script of the suite: modules, actions and assertions in their order.</summary>
internal sealed class SpecScript : IDisposable
{
    // Those of WebAssembly 2.0; later versions of the suite have more.
    private static readonly HashSet<string> s_assertions =
        ["assert_return", "assert_trap", "assert_exhaustion", "assert_unlinkable", "assert_invalid", "assert_malformed"];

    private readonly Engine _engine;
    private readonly Imports _imports = SpecHost.Imports();
    private readonly Dictionary<string, Instance?> _named = [];
    private readonly List<Instance> _all = [];
    private readonly SpecCounts _counts;
    private readonly TokenReader _tokens;
    private Instance? _current;

    private SpecScript(byte[] script, SpecCounts counts, BoundsChecks boundsChecks)
    {
        _engine = new Engine(new EngineOptions { CachedModules = 0, BoundsChecks = boundsChecks, Features = WasmFeatures.None });
        _counts = counts;
        _tokens = new TokenReader(new TextSource(script, _engine.Options));
    }

    // How a module is written in a script.
    private enum Form
    {
        Text,
        Binary,
        Quote,
    }

    public static SpecCounts Run(string name, byte[] text, BoundsChecks boundsChecks)
    {
        var counts = new SpecCounts(name);
        using var script = new SpecScript(text, counts, boundsChecks);
        script.RunAll();
        return counts;
    }

    public void Dispose()
    {
        foreach (var instance in _all)
            instance.Dispose();
    }

    private void RunAll()
    {
        // A script may be nothing but the fields of one module.
        if (IsField())
        {
            _all.Add(_engine.Compile(ModuleParser.ReadFields(_tokens).Bytes).Instantiate(_imports));
            return;
        }

        while (_tokens.Current.Kind != TokenKind.End)
        {
            int start = _tokens.Current.Start;
            _tokens.Expect(TokenKind.LeftParenthesis);
            string type = Encoding.ASCII.GetString(_tokens.Source[_tokens.Expect(TokenKind.Keyword)]);
            int end = _tokens.SkipList();
            _tokens.Reset(start);
            _tokens.Next();
            _tokens.Next();
            Run(type, start);
            _tokens.Reset(end);
        }
    }

    private bool IsField() => _tokens.Opens("func"u8) || _tokens.Opens("memory"u8) || _tokens.Opens("type"u8);

    private void Run(string type, int start)
    {
        bool isAssertion = type.StartsWith("assert_", StringComparison.Ordinal);
        if (isAssertion && !s_assertions.Contains(type))
        {
            _counts.Skip($"{type} is not of this version");
            return;
        }

        try
        {
            string? problem = Execute(type);
            if (problem is null)
                _counts.Passed += isAssertion ? 1 : 0;
            else
                Fail(start, type, problem);
        }
        catch (Exception exception)
        {
            Fail(start, type, $"{exception.GetType().Name}: {exception.Message}");
        }
    }

    private void Fail(int start, string type, string problem) =>
        _counts.Failures.Add($"{_counts.File}.wast:{_tokens.Source.PositionOf(start).Line} {type}: {problem}");

    private string? Execute(string type)
    {
        switch (type)
        {
            case "module":
                RunModule();
                return null;
            case "register":
                string name = Encoding.UTF8.GetString(_tokens.Name());
                _imports.AddInstance(name, Find());
                return null;
            case "invoke" or "get":
                Act(type);
                return null;
            case "assert_return":
                var results = ReadAction();
                return SpecValues.Difference(results, SpecValues.ReadPatterns(_tokens));
            case "assert_trap" when _tokens.Opens("module"u8):
                return Traps(PeekMessage(), () => Instantiate(ReadModule(out _)));
            case "assert_trap" or "assert_exhaustion":
                return Traps(PeekMessage(), () => ReadAction());
            case "assert_unlinkable":
                return Refuses<LinkException>(PeekMessage(), () => Instantiate(ReadModule(out _)));
            case "assert_invalid" or "assert_malformed":
                return RefusesModule(PeekMessage());
            default:
                return "unknown command";
        }
    }

    private void RunModule()
    {
        _current = null;
        string? name = _tokens.Current.Kind == TokenKind.Identifier ? Encoding.ASCII.GetString(_tokens.Source[_tokens.Current]) : null;
        if (name is not null)
            _named[name] = null;
        _current = Instantiate(ReadModuleContent(out _));
        if (name is not null)
            _named[name] = _current;
    }

    private static string? Traps(string expected, Action action)
    {
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

    private static string? Refuses<T>(string expected, Action action)
        where T : Exception
    {
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

    // Bodies are validated as they are decoded, so binary modules that are both malformed and invalid are refused for what comes first.
    // The text format has a pass of its own, and its refusals are compared.
    private string? RefusesModule(string expected)
    {
        var form = Form.Text;
        try
        {
            _engine.Compile(ReadModule(out form));
            return $"accepted; expected: {expected}";
        }
        catch (InvalidModuleException refusal) when (refusal.Kind is InvalidModuleKind.Malformed or InvalidModuleKind.Invalid)
        {
            bool isExpected = form != Form.Quote || refusal.Reason.StartsWith(expected, StringComparison.Ordinal);
            return isExpected ? null : $"'{refusal.Message}', expected '{expected}'";
        }
    }

    // The message of an assertion comes after the module or action that it is about.
    private string PeekMessage()
    {
        int subject = _tokens.Current.Start;
        _tokens.Expect(TokenKind.LeftParenthesis);
        _tokens.SkipList();
        string message = Encoding.UTF8.GetString(_tokens.Name());
        _tokens.Reset(subject);
        return message;
    }

    private byte[] ReadModule(out Form form)
    {
        _tokens.Open("module"u8);
        return ReadModuleContent(out form);
    }

    // The bytes of a module, from behind its keyword on.
    private byte[] ReadModuleContent(out Form form)
    {
        _tokens.TryIdentifier();
        form = _tokens.TryKeyword("binary"u8) ? Form.Binary : _tokens.TryKeyword("quote"u8) ? Form.Quote : Form.Text;
        return form switch
        {
            Form.Binary => _tokens.Strings(),
            Form.Quote => ModuleText.ToBinary(_tokens.Strings(), _engine.Options),
            _ => ModuleParser.ReadFields(_tokens).Bytes,
        };
    }

    private Instance Instantiate(byte[] module)
    {
        var instance = _engine.Compile(module).Instantiate(_imports);
        _all.Add(instance);
        return instance;
    }

    private Instance Find() =>
        (_tokens.TryIdentifier() is { } name ? _named[name] : _current) ?? throw new InvalidOperationException("The module of this command was not accepted.");

    private Value[] ReadAction()
    {
        _tokens.Expect(TokenKind.LeftParenthesis);
        return Act(Encoding.ASCII.GetString(_tokens.Source[_tokens.Expect(TokenKind.Keyword)]));
    }

    private Value[] Act(string type)
    {
        var instance = Find();
        string field = Encoding.UTF8.GetString(_tokens.Name());
        var arguments = SpecValues.ReadArguments(_tokens);
        _tokens.Close();
        return type == "get" ? [instance.GetGlobal(field)!.Value] : instance.Invoke(field, arguments);
    }
}
