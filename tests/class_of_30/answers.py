"""Bodies of the four functions of assignment 2: right ones in five manners, and usual mistakes."""

from __future__ import annotations

LOSS, GRADIENT_X, GRADIENT_A, FUNCTION = QUESTIONS = (
    "sparse_center_loss",
    "gradient_x",
    "gradient_a",
    "sparse_center_loss_by_hand",
)
ALL = frozenset(QUESTIONS)

ONE_LINE = {
    LOSS: "return (a * (x - c[y]) ** 2).sum() / (2 * len(x))",
    GRADIENT_X: "return a * (x - c[y]) / len(x)",
    GRADIENT_A: "return (x - c[y]) ** 2 / (2 * len(x))",
    FUNCTION: """
        class Loss(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, a, y, c):
                ctx.save_for_backward(x, a, y, c)
                return (a * (x - c[y]) ** 2).sum() / (2 * len(x))

            @staticmethod
            def backward(ctx, incoming):
                x, a, y, c = ctx.saved_tensors
                D = x - c[y]
                return incoming * a * D / len(x), incoming * D**2 / (2 * len(x)), None, None

        return Loss.apply(x, a, y, c)
        """,
}

EINSUM = {
    **ONE_LINE,
    LOSS: "D = x - c[y]\nreturn torch.einsum('ij,ij,ij->', a, D, D) / (2 * x.shape[0])",
    GRADIENT_X: "return torch.einsum('ij,ij->ij', a, x - c[y]) / x.shape[0]",
    GRADIENT_A: "D = x - c[y]\nreturn torch.einsum('ij,ij->ij', D, D) / (2 * x.shape[0])",
}

LOOPS = {
    **ONE_LINE,
    LOSS: """
        total = torch.zeros((), dtype=x.dtype)
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                total = total + a[i, j] * (x[i, j] - c[y[i], j]) ** 2
        return total / (2 * x.shape[0])
        """,
    GRADIENT_X: """
        dx = torch.empty_like(x)
        for i, k in enumerate(y.tolist()):
            for j in range(x.shape[1]):
                dx[i, j] = a[i, j] * (x[i, j] - c[k, j]) / len(y)
        return dx
        """,
    GRADIENT_A: """
        rows = []
        for i, k in enumerate(y.tolist()):
            rows.append((x[i] - c[k]) ** 2 / (2 * len(y)))
        return torch.stack(rows)
        """,
}

# Half precision comes in wider and goes out as it came; the differences are a function in a cell of their own.
WIDENED = {
    **ONE_LINE,
    LOSS: "D = differences(x, y, c)\nreturn (wide(a) * D * D).sum() / (2 * len(D))",
    GRADIENT_X: "return (wide(a) * differences(x, y, c) / len(x)).to(x.dtype)",
    GRADIENT_A: "return (differences(x, y, c).square() / (2 * len(x))).to(a.dtype)",
}
WIDE_CELL = """
    def wide(tensor):
        return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor

    def differences(x, y, c):
        return wide(x) - wide(c)[y]
    """

ONE_HOT = {
    **ONE_LINE,
    LOSS: """
        H = torch.nn.functional.one_hot(y, c.shape[0]).to(c.dtype)
        D = x - H @ c
        return torch.trace((a * D) @ D.T) / (2 * y.numel())
        """,
    GRADIENT_X: "H = torch.nn.functional.one_hot(y, c.shape[0]).to(c.dtype)\nreturn a.mul(x.sub(H @ c)).div(y.numel())",
    GRADIENT_A: "return x.sub(c.index_select(0, y)).pow(2).div(2 * y.numel())",
}

WRONG_ALL = {
    LOSS: "return (a * (x - c[y])).sum()",
    GRADIENT_X: "return -x",
    GRADIENT_A: "return x * 0",
    FUNCTION: "return (a * (x - c[y])).sum()",
}
