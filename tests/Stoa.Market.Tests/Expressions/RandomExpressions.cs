using System.Globalization;
using System.Text.Json.Nodes;

namespace Stoa.Market.Tests.Expressions;

/// <summary>Expressions of every production, and values that they find something in: the names of both are few.</summary>
/// <param name="random">Chooses.</param>
/// <param name="isJudged">Leaves out what JmesPath.Net does otherwise than the specification: see <see cref="JmesPathJudgeTests"/>.</param>
internal sealed class RandomExpressions(Random random, bool isJudged = false)
{
    private static readonly string[] s_names = ["a", "b", "c", "d"];
    private static readonly string[] s_texts = ["", "a", "ab", "b", "ba", "é", "7", "-1.5", "x"];
    private static readonly string[] s_comparators = ["==", "!=", "<", "<=", ">", ">="];

    /// <summary>Calls, with <c>V</c> for any value, <c>A</c> for an array, <c>O</c> for an object, <c>N</c> for a number, <c>T</c> for a text <c>F</c> for a field and <c>E</c> for an expression.</summary>
    private static readonly string[] s_calls =
    [
        "abs(N)", "avg(map(&length(to_string(@)), A))", "ceil(N)", "contains(A, V)", "contains(T, T)", "ends_with(T, T)", "floor(N)", "join(T, map(&to_string(@), A))",
        "keys(O)", "length(A)", "length(T)", "length(O)", "map(E, A)", "max(map(&to_string(@), A))", "max_by(A, &to_string(E))", "merge(O, O)", "min(map(&to_string(@), A))",
        "min_by(A, &length(to_string(E)))", "not_null(V, F, F)", "reverse(A)", "reverse(T)", "sort(map(&to_string(@), A))", "sort_by(A, &to_string(E))",
        "sort_by(A, &length(to_string(@)))", "starts_with(T, T)", "sum(map(&length(to_string(@)), A))", "to_array(V)", "to_number(V)", "to_string(V)", "type(V)", "values(O)",
        "sum(V)", "max(V)", "sort(V)", "sort_by(V, E)", "length(V)", "keys(V)", "avg(V)", "min(V)", "max_by(V, E)", "min_by(V, E)", "join(V, V)", "merge(V)", "abs(V)",
    ];

    /// <summary>An object of a few members.</summary>
    public JsonObject Root(int depth = 4)
    {
        var root = new JsonObject();
        foreach (var name in s_names.Where(_ => random.Next(5) > 0))
            root[name] = Value(depth - 1);
        return root;
    }

    public JsonNode? Value(int depth) => random.Next(depth > 0 ? 12 : 5) switch
    {
        0 => isJudged ? 0 : null,
        1 => random.Next(2) == 0,
        2 => random.Next(-3, 12),
        3 => random.Next(-20, 20) / 4.0,
        4 => s_texts[random.Next(s_texts.Length)],
        <= 8 => new JsonArray([.. Enumerable.Range(0, random.Next(5)).Select(_ => Value(depth - 1))]),
        _ => Root(depth),
    };

    /// <summary>An expression.</summary>
    /// <param name="depth">How deep it may nest.</param>
    public string Expression(int depth) => random.Next(depth > 0 ? 12 : 4) switch
    {
        <= 5 => Path(depth),
        6 => "!" + Path(depth - 1),
        7 => Comparison(depth),
        8 => $"{Expression(depth - 1)} && {Expression(depth - 1)}",
        9 => $"{Expression(depth - 1)} || {Expression(depth - 1)}",
        _ => $"{Expression(depth - 1)} | {Expression(depth - 1)}",
    };

    private string Comparison(int depth)
    {
        var (comparator, left, right) = (s_comparators[random.Next(s_comparators.Length)], Path(depth - 1), Path(depth - 1));
        return isJudged && comparator is not ("==" or "!=") ? $"length(to_string({left})) {comparator} length(to_string({right}))" : $"{left} {comparator} {right}";
    }

    /// <summary>Something, and what is read of it.</summary>
    private string Path(int depth)
    {
        if (depth > 0 && random.Next(10) == 0)
            return $"({Expression(depth - 1)}){(isJudged ? "" : Postfix(depth))}";
        var path = Prefix(depth);
        for (var count = random.Next(4); count > 0; count--)
        {
            var postfix = Postfix(depth);
            path = !isJudged ? path + postfix
                : postfix is ['.', '[', ..] or ['.', '{', ..] or [.., ')'] ? $"not_null({path}, 'n'){postfix}"
                : postfix.Contains(':', StringComparison.Ordinal) ? $"{Array(path)}{postfix}" : path + postfix;
        }

        return path;
    }

    private string Prefix(int depth) => random.Next(depth > 0 ? 21 : 13) switch
    {
        <= 8 => Name(),
        9 => "@",
        10 => Literal(),
        11 => isJudged ? Array("@") + Bracket(depth) : Bracket(depth),
        12 => All(),
        <= 14 => $"{Something()}[{Several(depth)}]",
        <= 16 => $"{Something()}{Hash(depth)}",
        _ => Call(depth),
    };

    private string Array(string expression) => isJudged ? $"to_array(not_null({expression}, `[]`))" : $"to_array({expression})";

    private string All() => isJudged ? "*." + Name() : "*";

    private string Something() => isJudged ? "not_null(@, 'n')." : "";

    private string Postfix(int depth) => random.Next(depth > 0 ? 16 : 12) switch
    {
        <= 6 => "." + Name(),
        <= 10 => Bracket(depth),
        11 => "." + All(),
        12 => $".[{Several(depth)}]",
        13 => "." + Hash(depth),
        _ => "." + Call(depth),
    };

    private string Bracket(int depth) => random.Next(depth > 0 ? 9 : 7) switch
    {
        <= 1 => $"[{random.Next(-3, 4)}]",
        <= 3 => "[*]",
        4 => "[]",
        <= 6 => Slice(),
        _ => $"[?{Expression(depth - 1)}]",
    };

    private string Slice()
    {
        var step = random.Next(-2, 3);
        return $"[{(isJudged && step is not (0 or 1) ? "" : Number())}:{Number()}{(step == 0 ? "" : ":" + step.ToString(CultureInfo.InvariantCulture))}]";

        string Number() => random.Next(2) == 0 ? "" : random.Next(-4, 5).ToString(CultureInfo.InvariantCulture);
    }

    private string Several(int depth) => string.Join(", ", Enumerable.Range(0, random.Next(1, 4)).Select(_ => Member(depth)));

    private string Hash(int depth) => "{" + string.Join(", ", s_names.Take(random.Next(1, 4)).Select(name => $"{name}: {Member(depth)}")) + "}";

    private string Member(int depth) => isJudged ? $"not_null({Expression(depth - 1)}, 'n')" : Expression(depth - 1);

    private string Call(int depth) => string.Concat(Signature().Select(character => character switch
    {
        'V' => Expression(depth - 1),
        'A' => Array(Expression(depth - 1)),
        'F' => $"{Name()}.{Name()}",
        'O' => random.Next(3) == 0 ? Path(depth - 1) : Something() + Hash(depth - 1),
        'N' => random.Next(3) == 0 ? Path(depth - 1) : $"length(to_string({Path(depth - 1)}))",
        'T' => $"to_string({Path(depth - 1)})",
        'E' => "&" + Expression(depth - 1),
        _ => character.ToString(),
    })).Replace("to_string(&", "to_string(", StringComparison.Ordinal);

    private string Signature()
    {
        var signature = s_calls[random.Next(s_calls.Length)];
        return !isJudged ? signature : signature switch
        {
            "map(E, A)" => "map(&not_null(V, 'n'), A)",
            "to_array(V)" => "to_array(A)",
            "merge(O, O)" => "keys(merge(O, O))",
            "sort(V)" or "sort_by(V, E)" or "sort_by(A, &to_string(E))" => "sort_by(A, &to_string(@))",
            // The same whichever of those with one key it is.
            _ when signature.StartsWith("avg", StringComparison.Ordinal) || signature.StartsWith("sum", StringComparison.Ordinal) => $"floor({signature})",
            _ when signature.StartsWith("max_by", StringComparison.Ordinal) => "length(to_string(max_by(A, &length(to_string(@)))))",
            _ when signature.StartsWith("min_by", StringComparison.Ordinal) => "length(to_string(min_by(A, &length(to_string(@)))))",
            _ => signature,
        };
    }

    private string Name()
    {
        var name = s_names[random.Next(s_names.Length)];
        return random.Next(6) == 0 ? $"\"{name}\"" : name;
    }

    private string Literal() => random.Next(2) == 0
        ? $"'{s_texts[random.Next(s_texts.Length)]}'"
        : $"`{Value(1)?.ToJsonString() ?? "null"}`";
}
