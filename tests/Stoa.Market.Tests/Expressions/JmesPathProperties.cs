using System.Text.Json;
using Stoa.Market.Expressions;

namespace Stoa.Market.Tests.Expressions;

/// <summary>What holds of all expressions, and of all texts that nearly are some.</summary>
public sealed class JmesPathProperties
{
    private const int Tests = 5_000;
    private const string Signs = "[]{}().,:*@&|!=<>?`'\"\\-0aé $\ud83d";

    [Fact]
    public void Text_ThatIsDamaged_IsReadOrRefusedAtAPlaceInIt()
    {
        var refused = 0;
        for (var seed = 0; seed < Tests; seed++)
        {
            var random = new Random(seed);
            var samples = new RandomExpressions(random);
            var text = Damaged(samples.Expression(3), random);
            if (JmesPath.TryParse(text, out var expression, out var fault))
            {
                ExpressionSamples.Evaluate(expression, samples.Root().ToJsonString());
            }
            else
            {
                refused++;
                fault.Offset.ShouldBeInRange(0, text.Length);
                fault.Reason.ShouldEndWith(".");
            }

            if (!TextTemplate.TryParse("before ${" + text + "} behind", out _, out fault))
                fault.Offset.ShouldBeInRange("before ${".Length, text.Length + "before ${} behind".Length);
        }

        refused.ShouldBeInRange(Tests / 4, Tests - 1);
    }

    [Fact]
    public void Expression_InATemplate_GivesTheSame()
    {
        for (var seed = 0; seed < Tests; seed++)
        {
            var samples = new RandomExpressions(new Random(seed));
            var (text, value) = (samples.Expression(3), JsonElement.Parse(samples.Root().ToJsonString()));
            TextTemplate.TryParse("${" + text + "}", out var template, out var fault).ShouldBeTrue($"{text}: {fault?.Reason}");
            var expression = ExpressionSamples.Parse(text);

            template!.References.ShouldBe(expression.References, ignoreOrder: true);
            template.TryEvaluate(value, new ExpressionBudget(ExpressionBudget.MaxSteps), out var result, out fault);
            var (json, expressionFault) = ExpressionSamples.Evaluate(expression, value.GetRawText());
            (fault?.Kind, fault?.Offset).ShouldBe((expressionFault?.Kind, expressionFault?.Offset + 2));
            if (fault is null)
                ExpressionSamples.Written(result).ShouldBe(json);
        }
    }

    [Fact]
    public void Evaluation_TakesTheStepsThatItTakes_AndNoneFewer()
    {
        for (var seed = 0; seed < Tests; seed++)
        {
            var samples = new RandomExpressions(new Random(seed));
            var (expression, value) = (ExpressionSamples.Parse(samples.Expression(3)), JsonElement.Parse(samples.Root().ToJsonString()));
            var budget = new ExpressionBudget(ExpressionBudget.MaxSteps);
            var isGiven = expression.TryEvaluate(value, budget, out var result, out _);

            // With one step less there is no other result, but a fault: of the budget, or the one that came before.
            expression.TryEvaluate(value, new ExpressionBudget(budget.Spent), out var again, out _).ShouldBe(isGiven);
            if (isGiven)
                ExpressionSamples.Written(again).ShouldBe(ExpressionSamples.Written(result));
            expression.TryEvaluate(value, new ExpressionBudget(budget.Spent - 1), out _, out var fault).ShouldBeFalse();
            if (isGiven)
                fault!.Kind.ShouldBe(ExpressionFaultKind.BudgetSpent);
        }
    }

    private static string Damaged(string text, Random random)
    {
        for (var count = random.Next(1, 4); count > 0 && text.Length > 0; count--)
        {
            var place = random.Next(text.Length);
            text = random.Next(3) switch
            {
                0 => text.Remove(place, 1),
                1 => text.Insert(place, Signs[random.Next(Signs.Length)].ToString()),
                _ => text[..place],
            };
        }

        return text;
    }
}
