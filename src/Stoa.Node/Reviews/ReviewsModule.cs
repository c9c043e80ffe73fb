namespace Stoa.Node.Reviews;

/// <summary>Wires reviews into the node.</summary>
public static class ReviewsModule
{
    public static void AddReviews(this IHostApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ReviewStatements>();
        builder.Services.AddSingleton<SqlReviewStore>();
    }
}
