"""What a brand's links and pages share: the domains they may lead to, the colour and logo they wear, what is kept."""
