using System.Text.Json;
using Stoa.Market.Expressions;
using static Stoa.Market.Tests.Expressions.ExpressionSamples;

namespace Stoa.Market.Tests.Expressions;

/// <summary>Whatever strangers write ends soon: by what it is when it is read, by its steps when it is evaluated or written.</summary>
public sealed class ExpressionBudgetTests
{
    private const long Steps = 20_000;

    [Theory]
    [InlineData("(", "")]
    [InlineData("[", "")]
    [InlineData("!", "a")]
    [InlineData("{a:", "b")]
    [InlineData("[?", "")]
    [InlineData("[*]", "")]
    [InlineData("*.", "a")]
    [InlineData("a.[", "")]
    [InlineData("abs(", "")]
    [InlineData("map(&", "")]
    public void Nesting_BeyondItsLimit_IsRefusedWhereItIs(string opening, string rest)
    {
        var text = string.Concat(Enumerable.Repeat(opening, JmesPath.MaxLength / opening.Length))[..^rest.Length] + rest;

        var fault = ParseFault(text);

        fault.Kind.ShouldBe(ExpressionFaultKind.NestedTooDeep);
        fault.Offset.ShouldBeInRange(JmesPath.MaxNesting - 1, (JmesPath.MaxNesting * opening.Length) + 1);
    }

    [Fact]
    public void Nesting_UpToItsLimit_IsRead()
    {
        Evaluate(new string('(', JmesPath.MaxNesting - 1) + "a" + new string(')', JmesPath.MaxNesting - 1), """{"a":1}""").ShouldBe("1");
        ParseFault(new string('(', JmesPath.MaxNesting) + "a" + new string(')', JmesPath.MaxNesting)).Kind.ShouldBe(ExpressionFaultKind.NestedTooDeep);
    }

    [Fact]
    public void Nodes_BeyondTheirLimit_AreRefused()
    {
        var most = string.Join(".", Enumerable.Repeat("a", JmesPath.MaxNodes));

        Evaluate(most, """{"a":{"a":1}}""").ShouldBe("null");
        var fault = ParseFault(most + ".b");
        (fault.Kind, fault.Offset).ShouldBe((ExpressionFaultKind.TooManyNodes, most.Length + 1));
    }

    [Fact]
    public void Length_BeyondItsLimit_IsRefused()
    {
        var most = "a" + new string(' ', JmesPath.MaxLength - 1);

        Evaluate(most, """{"a":1}""").ShouldBe("1");
        var fault = ParseFault(most + " ");
        (fault.Kind, fault.Offset).ShouldBe((ExpressionFaultKind.TooLong, JmesPath.MaxLength));
    }

    [Theory]
    [InlineData("||")]
    [InlineData("&&")]
    [InlineData("|")]
    [InlineData("==")]
    [InlineData(".")]
    [InlineData("[0].")]
    [InlineData("[].")]
    public void LongestChains_AndTheirPaths_FitOnASmallStack(string between)
    {
        var text = string.Join(between, Enumerable.Repeat("a", (JmesPath.MaxNodes / 2) - 1));
        var steps = 0L;
        var thread = new Thread(
            () =>
            {
                var budget = new ExpressionBudget(Steps);
                Parse(text).TryEvaluate(JsonElement.Parse("""{"a":null}"""), budget, out _, out var fault).ShouldBeTrue(fault?.Reason);
                steps = budget.Spent;
            },
            maxStackSize: 512 << 10);
        thread.Start();
        thread.Join();

        steps.ShouldBeInRange(1, 2 * JmesPath.MaxNodes);
    }

    [Fact]
    public void Value_ThatDoublesWithEachPipe_IsSmall_UntilItIsWritten()
    {
        var doubling = string.Join('|', Enumerable.Repeat("[@,@]", 60));
        var budget = new ExpressionBudget(Steps);
        Parse(doubling).TryEvaluate(JsonElement.Parse("1"), budget, out var value, out _).ShouldBeTrue();
        budget.Spent.ShouldBeLessThan(300);

        using var json = new Utf8JsonWriter(Stream.Null);
        value.TryWrite(json, budget, out var fault).ShouldBeFalse();
        fault.Kind.ShouldBe(ExpressionFaultKind.BudgetSpent);
        budget.Left.ShouldBe(0);
        value.TryToJson(new ExpressionBudget(Steps), out _, out fault).ShouldBeFalse();
        fault.Kind.ShouldBe(ExpressionFaultKind.BudgetSpent);
    }

    [Theory]
    [InlineData("[@,@][]", "1")]
    [InlineData("[@,@]", "1", "@ == @")]
    [InlineData("[@,@]", "1", "to_string(@)")]
    [InlineData("[@,@]", "1", "contains([@], @)")]
    [InlineData("{a: @, b: @}", "1", "@ == @")]
    [InlineData("join('', [@,@])", "\"sixteen letters.\"")]
    [InlineData("to_string([@,@])", "\"\"")]
    [InlineData("[@,@] | [?@][] | map(&@, @)", "1")]
    [InlineData("[@, @, @][] | reverse(@)", "1")]
    [InlineData("[to_array(@), to_array(@)][] | sort(@)", "1")]
    public void Doubling_EndsWithTheBudget(string step, string json, string last = "@")
    {
        var text = string.Join('|', Enumerable.Repeat(step, 30).Append(last));
        var budget = new ExpressionBudget(Steps);

        Parse(text).TryEvaluate(JsonElement.Parse(json), budget, out _, out var fault).ShouldBeFalse();

        fault!.Kind.ShouldBe(ExpressionFaultKind.BudgetSpent);
        (budget.Left, budget.Spent).ShouldBe((0, Steps));
    }

    [Theory]
    [InlineData("a", 1_000)]
    [InlineData("a[0]", 1_000)]
    [InlineData("a[*]", 2_000)]
    [InlineData("a[?@]", 3_000)]
    [InlineData("a[]", 2_000)]
    [InlineData("a[::-1]", 3_000)]
    [InlineData("sum(a)", 2_000)]
    [InlineData("max(a)", 3_000)]
    [InlineData("sort(a)", 12_000)]
    [InlineData("sort_by(a, &@)", 14_000)]
    [InlineData("a == b", 2_000)]
    [InlineData("reverse(a)", 2_000)]
    public void Steps_GrowWithWhatIsDone(string expression, int most)
    {
        var numbers = string.Join(',', Enumerable.Range(0, 1_000));
        var value = JsonElement.Parse($$"""{"a":[{{numbers}}],"b":[{{numbers}}]}""");
        var budget = new ExpressionBudget(Steps);

        Parse(expression).TryEvaluate(value, budget, out _, out var fault).ShouldBeTrue(fault?.Reason);

        budget.Spent.ShouldBeInRange(1, most + 10);
        if (most > 1_000)
            budget.Spent.ShouldBeGreaterThan(most / 2);
        Parse(expression).TryEvaluate(value, new ExpressionBudget(budget.Spent), out _, out _).ShouldBeTrue();
        Parse(expression).TryEvaluate(value, new ExpressionBudget(budget.Spent - 1), out _, out fault).ShouldBeFalse();
        fault!.Kind.ShouldBe(ExpressionFaultKind.BudgetSpent);
    }

    [Fact]
    public void Sort_OfTextsThatBeginAlike_IsPaidByTheirLength()
    {
        var text = new string('a', 8_000);
        var value = JsonElement.Parse($"[{string.Join(',', Enumerable.Repeat($"\"{text}\"", 16))}]");
        var budget = new ExpressionBudget(ExpressionBudget.MaxSteps);

        Parse("sort(@)").TryEvaluate(value, budget, out _, out _).ShouldBeTrue();

        // Each is read once, and looked at once for each of log₂ n + 1 rounds.
        budget.Spent.ShouldBeInRange(16 * 1_000 * 6, 16 * 1_001 * 6 + 100);
    }

    [Fact]
    public void Search_ForATextThatNearlyFits_IsPaidByTheLengthsAlone()
    {
        var (text, sought) = (new string('a', 80_000), new string('a', 20_000) + "b" + new string('a', 20_000));
        var budget = new ExpressionBudget(Steps);

        Parse("contains(a, b)").TryEvaluate(JsonElement.Parse($$"""{"a":"{{text}}","b":"{{sought}}"}"""), budget, out var result, out var fault).ShouldBeTrue(fault?.Reason);

        result.IsTrue.ShouldBeFalse();
        budget.Spent.ShouldBeInRange(15_000, 15_100);
    }

    [Fact]
    public void Names_ThatAreLookedThrough_ArePaid()
    {
        var members = string.Join(',', Enumerable.Range(0, 8_000).Select(place => $"\"m{place}\":{place}"));
        var budget = new ExpressionBudget(Steps);

        Parse("a.m0").TryEvaluate(JsonElement.Parse($$$"""{"a":{ {{{members}}} }}"""), budget, out _, out _).ShouldBeTrue();

        budget.Spent.ShouldBeInRange(1_000, 1_010);
    }

    [Fact]
    public void Names_ThatAreLong_ArePaidByTheirLength()
    {
        var name = new string('a', 3_998);
        var members = string.Join(',', Enumerable.Range(0, 80).Select(place => $"\"{name}\\u00{place + 16:x2}\":{place}"));
        var budget = new ExpressionBudget(Steps);

        Parse(name + "bc").TryEvaluate(JsonElement.Parse("{" + members + "}"), budget, out _, out var fault).ShouldBeTrue(fault?.Reason);

        budget.Spent.ShouldBeInRange(80 * 500 / 8, (80 * 500 / 8) + 100);
    }

    [Fact]
    public void Budget_IsSharedByEvaluations()
    {
        var (expression, value) = (Parse("a[*].b"), JsonElement.Parse("""{"a":[{"b":1},{"b":2}]}"""));
        var budget = new ExpressionBudget(20);

        expression.TryEvaluate(value, budget, out _, out _).ShouldBeTrue();
        var once = budget.Spent;
        expression.TryEvaluate(value, budget, out _, out _).ShouldBeTrue();
        budget.Spent.ShouldBe(2 * once);
        expression.TryEvaluate(value, budget, out _, out var fault).ShouldBeFalse();
        fault!.Kind.ShouldBe(ExpressionFaultKind.BudgetSpent);
    }

    [Fact]
    public void Budget_IsNeverLargerThanItMayBe()
    {
        new ExpressionBudget(long.MaxValue).Left.ShouldBe(ExpressionBudget.MaxSteps);
        new ExpressionBudget(-1).Left.ShouldBe(0);
    }

    [Theory]
    [InlineData(63, true)]
    [InlineData(64, false)]
    public void Value_IsWrittenAndComparedToItsDepth(int more, bool isWritten)
    {
        var nesting = string.Join('|', Enumerable.Repeat("[@]", more));
        Parse(nesting).TryEvaluate(JsonElement.Parse("[1]"), new ExpressionBudget(Steps), out var value, out _).ShouldBeTrue();

        value.TryToJson(new ExpressionBudget(Steps), out var json, out var fault).ShouldBe(isWritten);
        (fault?.Kind).ShouldBe(isWritten ? null : ExpressionFaultKind.ValueTooDeep);
        if (isWritten)
            JsonElement.Parse(json.GetRawText()).ValueKind.ShouldBe(JsonValueKind.Array);
        Parse(nesting + "| @ == @").TryEvaluate(JsonElement.Parse("[1]"), new ExpressionBudget(Steps), out _, out fault).ShouldBe(isWritten);
        (fault?.Kind).ShouldBe(isWritten ? null : ExpressionFaultKind.ValueTooDeep);
    }
}
