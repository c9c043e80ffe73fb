using Stoa.Market;
using Stoa.Node.Http;

namespace Stoa.Node.Tests.Http;

/// <summary>Amounts in requests.</summary>
public sealed class AmountFieldTests
{
    [Theory]
    [InlineData("5", 0)]
    [InlineData("0.000000001", 0)]
    [InlineData("0", 1)]
    [InlineData("-1", 1)]
    [InlineData("five", 1)]
    [InlineData("99999999999", 1)]
    public void AmountAboveZero_IsSo_OrTheFieldIsNamed(string text, int faults)
    {
        var errors = new List<FieldError>();

        AmountField.ReadAboveZero(text, "/amount", errors);

        errors.Select(error => error.Pointer).ShouldBe(Enumerable.Repeat("/amount", faults));
    }

    [Fact]
    public void Amount_ThatIsNone_RefusesTheRequest_AndNamesTheField()
    {
        AmountField.ReadOrRefuse("12.50", "/amount").ToString().ShouldStartWith("12.5");

        var refused = Should.Throw<RequestRefusedException>(() => AmountField.ReadOrRefuse("five", "/amount"));
        refused.Problem.Errors.ShouldHaveSingleItem().Pointer.ShouldBe("/amount");
    }
}
